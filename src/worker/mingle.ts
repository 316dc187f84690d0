/** Asks the other workers, at start and after a lost connection, what was revoked meanwhile and what the clock says (WIRE 12.1). */
import type { Logger } from '../logger.js';
import type { LamportClock } from '../protocol/lamport-clock.js';
import { isRecord } from '../protocol/record.js';
import type { Broadcaster } from '../remote-control/broadcast.js';
import type { RevokedTasks } from './revoked.js';

export interface MingleOptions {
  readonly broadcaster: Broadcaster;
  readonly nodename: string;
  readonly logger: Logger;
  readonly lamport: LamportClock;
  readonly revoked: RevokedTasks;
  readonly signal: AbortSignal;
}

/** How long an answer may take; a Python worker that computes in its only process gives none. */
const TIMEOUT_MS = 1000;

/** @throws BrokerError when nobody can be asked. */
export async function mingle({ broadcaster, nodename, logger, lamport, revoked, signal }: MingleOptions): Promise<void> {
  logger.info('mingle: searching for neighbors');
  const replies = await broadcaster.ask(
    // A list: times of another machine's monotonic clock mean nothing, and Python takes both.
    { method: 'hello', arguments: { from_node: nodename, revoked: [...revoked.ages().keys()] } },
    { timeoutMs: TIMEOUT_MS, signal },
  );
  const others = replies.filter((reply) => reply.nodename !== nodename);
  if (replies.length - others.length > 1) {
    logger.warning('Another worker has the node name %s, too: give each a name of its own with -n', nodename);
  }
  if (others.length === 0) {
    logger.info('mingle: all alone');
    return;
  }
  const answers = others.flatMap(({ value }) => (isRecord(value) && value['error'] === undefined ? [value] : []));
  logger.info('mingle: sync with %d nodes', answers.length);
  for (const answer of answers) {
    lamport.adjust(answer['clock']);
    revoked.add(idsIn(answer['revoked']));
  }
  logger.info('mingle: sync complete');
}

function idsIn(revoked: unknown): readonly string[] {
  if (Array.isArray(revoked)) return revoked.filter((id): id is string => typeof id === 'string');
  return isRecord(revoked) ? Object.keys(revoked) : [];
}
