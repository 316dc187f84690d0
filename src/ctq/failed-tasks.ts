/** Finds the tasks that failed: those whose messages were kept, and those of which only a result tells. */
import { UsageError } from '../errors.js';
import type { DeadLetter, StoredFailure } from '../estate/dead-letters.js';
import type { Estate } from '../estate/estate.js';
import { isRecord } from '../protocol/record.js';
import { matchesGlob } from '../remote-control/matcher.js';
import { type FailedTask, ofFailure, ofLetter } from './failed-task.js';
import { readTask } from './read-task.js';

export interface FailedQuery {
  /** A glob over names. */
  readonly task?: string | undefined;
  readonly queues?: readonly string[] | undefined;
  /** Not older than this. */
  readonly sinceMs?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Everything that is left of one. */
export interface FailedDetails {
  readonly failed: FailedTask;
  readonly letter: DeadLetter | undefined;
  readonly failure: StoredFailure | undefined;
}

/**
 * Newest first; those of unknown age last. What was to follow one of them, and never ran, is none of them, although
 * its result says FAILURE, too (WIRE 8.8): it runs when that one is sent again.
 */
export async function listFailed(estates: readonly Estate[], query: FailedQuery): Promise<readonly FailedTask[]> {
  const found: FailedTask[] = [];
  const known = new Set<string>();
  const add = (failed: FailedTask): void => {
    if (failed.taskId !== '' && known.has(failed.taskId)) return;
    if (failed.taskId !== '') known.add(failed.taskId);
    if (matches(failed, query)) found.push(failed);
  };
  for (const estate of holding(estates, 'broker')) {
    for await (const page of estate.deadLetters.list(query.signal)) {
      for (const letter of page) {
        add(ofLetter(letter, estate));
        for (const id of await followersOf(letter)) known.add(id);
      }
    }
  }
  for (const estate of holding(estates, 'result backend')) {
    for await (const page of estate.deadLetters.failures(query.signal)) for (const failure of page) add(ofFailure(failure, estate));
  }
  return found.sort((a, b) => (b.atMs ?? 0) - (a.atMs ?? 0));
}

/**
 * One by its id, or by the beginning of it.
 *
 * @throws UsageError when it is the beginning of several.
 */
export async function findFailed(estates: readonly Estate[], id: string, signal?: AbortSignal): Promise<FailedDetails | undefined> {
  const exact = await findExact(estates, id);
  if (exact !== undefined) return exact;
  const all = await listFailed(estates, signal === undefined ? {} : { signal });
  const candidates = all.filter(({ handle }) => handle.startsWith(id));
  const [only, ...others] = candidates;
  if (only === undefined) return undefined;
  if (others.length > 0 && only.handle !== id) {
    throw new UsageError(`${candidates.length} failed tasks have ids that begin with ${id}`, { hint: 'give more of the id' });
  }
  return detailsOf(only, estates);
}

/** undefined when it is gone meanwhile. */
export async function detailsOf(failed: FailedTask, estates: readonly Estate[]): Promise<FailedDetails | undefined> {
  const failure = await failureOf(failed.taskId, estates);
  if (failed.source === 'result') return failure === undefined ? undefined : { failed, letter: undefined, failure };
  const letter = failed.letter ?? (await failed.estate.deadLetters.find(failed.taskId));
  return letter === undefined ? undefined : { failed, letter, failure };
}

async function findExact(estates: readonly Estate[], taskId: string): Promise<FailedDetails | undefined> {
  const failure = await failureOf(taskId, estates);
  for (const estate of holding(estates, 'broker')) {
    const letter = await estate.deadLetters.find(taskId);
    if (letter !== undefined) return { failed: ofLetter(letter, estate), letter, failure };
  }
  // A refused message of this id is worth more than its result: it can be sent again whole.
  for (const estate of holding(estates, 'broker')) {
    for await (const page of estate.deadLetters.list()) {
      const letter = page.find((one) => one.kind === 'refused' && ofLetter(one, estate).taskId === taskId);
      if (letter !== undefined) return { failed: ofLetter(letter, estate), letter, failure };
    }
  }
  const [estate] = holding(estates, 'result backend');
  return failure === undefined || estate === undefined ? undefined : { failed: ofFailure(failure, estate), letter: undefined, failure };
}

async function failureOf(taskId: string, estates: readonly Estate[]): Promise<StoredFailure | undefined> {
  if (taskId === '') return undefined;
  for (const estate of holding(estates, 'result backend')) {
    const failure = await estate.deadLetters.findFailure(taskId);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** How a body ends after which nothing comes: most are like this, and need not be read. */
const NOTHING_FOLLOWS = /"chain": ?null, ?"chord": ?null\}\]$/;

/** Ids of the later steps of its chain, and of the body of its chord. */
async function followersOf({ message }: DeadLetter): Promise<readonly string[]> {
  if (message === undefined || NOTHING_FOLLOWS.test(Buffer.from(message.body).subarray(-60).toString('latin1'))) return [];
  const task = await readTask(message);
  if (task === undefined) return [];
  return [...(task.chain ?? []), task.chord].flatMap((signature) => {
    const options = isRecord(signature) ? signature['options'] : undefined;
    return isRecord(options) && typeof options['task_id'] === 'string' ? [options['task_id']] : [];
  });
}

function holding(estates: readonly Estate[], part: Estate['parts'][number]): readonly Estate[] {
  return estates.filter(({ parts }) => parts.includes(part));
}

function matches({ task, queue, atMs }: FailedTask, query: FailedQuery): boolean {
  if (query.task !== undefined && (task === undefined || !matchesGlob(task, query.task))) return false;
  if (query.queues !== undefined && (queue === undefined || !query.queues.includes(queue))) return false;
  return query.sinceMs === undefined || (atMs !== undefined && atMs >= query.sinceMs);
}
