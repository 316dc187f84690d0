/** Does what was chosen and confirmed, with what the commands of the same name do it with; and says in one line what became of it. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { findFailed } from '../../ctq/failed-tasks.js';
import { carryOutRetry, planRetry, type RetryWorld } from '../../ctq/retry-failed.js';
import type { Ctq } from '../../ctq.js';
import type { Estate } from '../../estate/estate.js';
import { anonymousNodename } from '../../protocol/nodename.js';
import type { Replies } from '../../remote-control/control.js';
import type { CliContext } from '../context.js';
import { countText } from '../output/number.js';
import { CopyWriter, copyName } from '../purge/copy-file.js';
import { removeEach } from '../purge/removing.js';
import { pauseQueue, resumeQueue } from '../queues/pausing.js';
import { errorOf, unwrapped } from '../remote-tables.js';
import type { Act } from './acts.js';
import type { Notice } from './state.js';

export interface ActionParts {
  readonly app: Ctq;
  /** The broker's. */
  readonly estate: Estate;
  readonly estates: readonly Estate[];
  readonly context: CliContext;
  /** Where copies are put. */
  readonly workdir: string;
  readonly signal: AbortSignal;
}

export type Outcome = Pick<Notice, 'text' | 'tone'>;

const PATIENCE_S = 1;

/** @throws whatever the broker says. */
export async function perform(act: Act, parts: ActionParts): Promise<Outcome> {
  const { app, signal } = parts;
  const asked = { reply: true, timeout: PATIENCE_S, signal } as const;
  switch (act.kind) {
    case 'revoke':
      return repliesOutcome(await app.control.revoke(act.id, asked));
    case 'terminate':
      return repliesOutcome(await app.control.terminate(act.id, asked));
    case 'rate limit':
      return repliesOutcome(await app.control.rateLimit(act.task, act.rate, asked));
    case 'grow':
      return repliesOutcome(await app.control.poolGrow(1, { ...asked, destination: [act.node] }));
    case 'shrink':
      return repliesOutcome(await app.control.poolShrink(1, { ...asked, destination: [act.node] }));
    case 'events':
      return repliesOutcome(await (act.switched === 'on' ? app.control.enableEvents(asked) : app.control.disableEvents(asked)));
    case 'retry':
      return retry(act.id, parts);
    case 'pause':
    case 'resume':
      return pauseOrResume(act, parts);
    case 'purge':
      return purge(act, parts);
  }
}

/** Those that say the same are told of together. */
function repliesOutcome(replies: Replies): Outcome {
  const byText = new Map<string, string[]>();
  for (const [node, value] of Object.entries(replies)) {
    const failure = errorOf(value);
    const said = unwrapped(value);
    const text = failure === undefined ? (typeof said === 'string' ? said : 'done') : `refused: ${failure}`;
    byText.set(text, [...(byText.get(text) ?? []), node]);
  }
  if (byText.size === 0) return { text: 'no worker has answered within a second; it may still obey', tone: 'bad' };
  const parts = [...byText]
    .sort(([a], [b]) => weightOf(b) - weightOf(a))
    .map(([text, nodes]) => `${nodes.length === 1 ? nodes[0] : countText(nodes.length, 'worker')}: ${text}`);
  // One may refuse what it does not know and another does it.
  const allRefused = [...byText.keys()].every((text) => text.startsWith('refused: '));
  return { text: parts.join('; '), tone: allRefused ? 'bad' : 'good' };
}

/** What went wrong comes first, and workers that never had the task last. */
function weightOf(text: string): number {
  if (text === 'refused: unknown task' || text === 'terminate: tasks unknown') return 0;
  return text.startsWith('refused: ') ? 2 : 1;
}

async function retry(id: string, { app, estates, context, signal }: ActionParts): Promise<Outcome> {
  const details = await findFailed(estates, id, signal);
  if (details === undefined) return { text: `${id} is not among the failed tasks any more`, tone: 'bad' };
  const world: RetryWorld = {
    estates,
    backend: () => app.backend(),
    nowMs: context.clock.nowMs(),
    origin: anonymousNodename({ hostname: hostname(), pid: context.pid }),
  };
  const plan = await planRetry(details.failed, world);
  if (plan.kind === 'refused') return { text: plan.why, tone: 'bad' };
  if ((await carryOutRetry(plan, world)) === 'gone') return { text: 'somebody else has sent it meanwhile', tone: 'bad' };
  return { text: [`sent to ${plan.queue} again`, ...plan.notes].join('; '), tone: 'good' };
}

async function pauseOrResume(act: Extract<Act, { kind: 'pause' | 'resume' }>, parts: ActionParts): Promise<Outcome> {
  const { app, estate, signal } = parts;
  const [done, how] =
    act.kind === 'pause'
      ? [await pauseQueue({ app, desk: estate.queues, signal }, act.queue), 'paused']
      : [await resumeQueue({ app, desk: estate.queues, signal }, act.queue), 'resumed'];
  const told = done.told.length === 0 ? '' : `; ${countText(done.told.length, 'Python worker')} told`;
  const silent = done.silent.length === 0 ? '' : `; no answer from ${done.silent.join(', ')}`;
  return { text: `${act.queue} is ${how}${told}${silent}`, tone: done.silent.length === 0 ? 'good' : 'bad' };
}

async function purge(act: Extract<Act, { kind: 'purge' }>, { estate, context, workdir, signal }: ActionParts): Promise<Outcome> {
  const id = randomUUID();
  const name = copyName(context.clock.nowMs());
  const copy = act.copy === 'for good' ? undefined : await CopyWriter.create(resolve(workdir, name), id, estate.displayUrl);
  let removed = 0;
  try {
    await removeEach(
      { estate, queues: [act.queue], places: ['ready'], filter: undefined, signal, id, copy, onProgress() {} },
      ({ count }) => {
        removed += count;
      },
    );
  } catch (error) {
    // What could not be written down goes back at once, if the store can be reached.
    if (copy !== undefined) await estate.messages.putBackAside(id).catch(() => 0);
    throw error;
  } finally {
    await copy?.close();
  }
  const back = copy === undefined || removed === 0 ? '' : `; ctq purge --undo ${name} brings them back`;
  return { text: `${countText(removed, 'message')} removed from ${act.queue}${back}`, tone: 'good' };
}
