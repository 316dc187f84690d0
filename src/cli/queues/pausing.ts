/**
 * `ctq queues pause` and `resume`: written down in the store for ctq's workers, those to come included,
 * and told to Python's, which forget it when they start anew.
 */
import type { Ctq } from '../../ctq.js';
import type { QueueDesk } from '../../estate/queues.js';
import { isRecord } from '../../protocol/record.js';

export interface Pausing {
  readonly queue: string;
  /** Was it so already? */
  readonly changed: boolean;
  /** Python workers that were told, by node name. */
  readonly told: readonly string[];
  /** Those of them that did not confirm it. */
  readonly silent: readonly string[];
}

/** A Python worker that is busy answers within this, or it is told all the same and not waited for. */
const PATIENCE_S = 1;

export interface PausingParts {
  readonly app: Ctq;
  readonly desk: QueueDesk;
  readonly signal: AbortSignal;
}

export async function pauseQueue(parts: PausingParts, queue: string): Promise<Pausing> {
  const { desk } = parts;
  const changed = !(await desk.paused()).includes(queue);
  await desk.pause([queue]);
  const nodes = await foreignNodes(parts, queue);
  // Before they are told: should we die in between, resuming tells them once too often, and not never.
  if (nodes.length > 0) await desk.noteStopped(queue, nodes);
  return { queue, changed, told: nodes, silent: await tell(parts, 'cancel_consumer', queue, nodes) };
}

export async function resumeQueue(parts: PausingParts, queue: string): Promise<Pausing> {
  const nodes = await parts.desk.stopped(queue);
  if (nodes === undefined) return { queue, changed: false, told: [], silent: [] };
  // Told before it is forgotten who has to be: should we die in between, resuming again tells them once more.
  const silent = await tell(parts, 'add_consumer', queue, nodes);
  await parts.desk.resume([queue]);
  return { queue, changed: true, told: nodes, silent };
}

/** Those that take from the queue and do not look into the store. */
async function foreignNodes({ app, desk, signal }: PausingParts, queue: string): Promise<string[]> {
  const [replies, reports] = await Promise.all([
    app.control.gather('active_queues', {}, { timeout: PATIENCE_S, signal }),
    desk.report([queue]),
  ]);
  const own = reports[0]?.consumption?.nodes ?? [];
  const takesFromIt = (value: unknown): boolean =>
    Array.isArray(value) && value.some((one: unknown) => isRecord(one) && one['name'] === queue);
  return replies.filter(({ nodename, value }) => !own.includes(nodename) && takesFromIt(value)).map(({ nodename }) => nodename);
}

/** @returns Those that did not confirm it. */
async function tell({ app, signal }: PausingParts, method: string, queue: string, nodes: readonly string[]): Promise<string[]> {
  if (nodes.length === 0) return [];
  const replies = await app.control.gather(method, { queue }, { destination: nodes, timeout: PATIENCE_S, signal });
  const obeyed = new Set(replies.filter(({ value }) => isRecord(value) && 'ok' in value).map(({ nodename }) => nodename));
  return nodes.filter((node) => !obeyed.has(node));
}
