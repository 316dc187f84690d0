/** Gathers all that stores and workers know of one task, and no more than it takes. */
import type { Ctq } from '../../ctq.js';
import { findFailed } from '../../ctq/failed-tasks.js';
import type { DeadLetter } from '../../estate/dead-letters.js';
import type { Estate } from '../../estate/estate.js';
import type { ChordCount, QueueSearchResult, TaskPlace, TaskWhereabouts } from '../../estate/tasks.js';
import { describeMessage, type MessageDescription } from '../../protocol/message-description.js';
import { isRecord, textOr } from '../../protocol/record.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import { FAILURE, isReady, REVOKED } from '../../protocol/states.js';

/** What a worker says of a task that it holds. */
export interface WorkerAnswer {
  readonly node: string;
  /** `active`, `reserved`, `ready` … */
  readonly state: string;
  readonly startedAtMs: number | undefined;
  readonly pid: number | undefined;
  readonly name: string | undefined;
}

export interface Located {
  readonly taskId: string;
  readonly result: ResultMeta | undefined;
  readonly resultTtlMs: TaskWhereabouts['resultTtlMs'];
  readonly revoked: boolean;
  readonly failedAtMs: number | undefined;
  /** Held, delayed or ready, wherever it lies. */
  readonly places: readonly TaskPlace[];
  /** undefined when nobody was asked: the result says it all. */
  readonly workers: readonly WorkerAnswer[] | undefined;
  readonly deadLetters: QueueSearchResult['deadLetters'];
  /** undefined when there was no need to look through queues. */
  readonly search: { readonly searched: number; readonly total: number } | undefined;
  /** Of the first place, or of the record of its failure: the message itself. */
  readonly message: MessageDescription | undefined;
  /** The chord that counts this task. */
  readonly chord: ChordCount | undefined;
}

export interface LocateOptions {
  /** Ends the search of the queues. */
  readonly signal: AbortSignal;
  readonly onProgress: (searched: number, total: number) => void;
  /** `searched` when all queues were looked through for the beginning of the id, in vain. */
  readonly queues?: 'searched';
}

const NOTHING_FOUND: QueueSearchResult = { ready: [], deadLetters: [], searched: 0, total: 0 };
/** Workers answer within milliseconds when they can; one whose loop is busy does not hold up the others' answers. */
const WORKERS_WAIT_S = 0.3;

/** @returns undefined when nobody knows it. */
export async function locate(app: Ctq, taskId: string, options: LocateOptions): Promise<Located | undefined> {
  const estates = await app.estates();
  const look = (): Promise<TaskWhereabouts> => lookAll(app, estates, taskId);
  const first = await look();
  const { result } = first;
  if (result !== undefined && isReady(result.status)) {
    // It is revoked before anybody takes it: then its message waits still, to be dropped.
    const search = result.status === REVOKED && options.queues !== 'searched' ? await searchAll(estates, taskId, options) : undefined;
    return complete(estates, taskId, first, search === undefined ? {} : { search });
  }
  const asked = askWorkers(app, taskId, options.signal);
  if (first.held.length > 0) {
    const answers = await asked;
    const workers = answers.length > 0 ? answers : await askForScheduled(app, taskId, options.signal);
    return complete(estates, taskId, first, { workers });
  }
  const [workers, search] = await Promise.all([
    asked,
    options.queues === 'searched'
      ? NOTHING_FOUND
      : searchUnless(asked, options.signal, (signal) => searchAll(estates, taskId, { ...options, signal })),
  ]);
  if (search.ready.length > 0 || search.deadLetters.length > 0) return complete(estates, taskId, first, { workers, search });
  // It may have been taken from its queue while we looked there.
  const again = await look();
  const known = again.result !== undefined || again.revoked || again.failedAtMs !== undefined || again.held.length > 0;
  return known || workers.length > 0 ? complete(estates, taskId, again, { workers, search }) : undefined;
}

/** Ids that begin so: the stores are asked at once, and queues only when it is nowhere else. */
export async function idsBeginning(estates: readonly Estate[], prefix: string, limit: number, options: LocateOptions): Promise<string[]> {
  const found = await Promise.all(estates.map(({ tasks }) => tasks.complete(prefix, limit, options)));
  return [...new Set(found.flat())].sort();
}

/** Who has it need not be looked for in queues; the search has begun by the time a worker says so. */
async function searchUnless(
  asked: Promise<readonly WorkerAnswer[]>,
  signal: AbortSignal,
  search: (signal: AbortSignal) => Promise<QueueSearchResult>,
): Promise<QueueSearchResult> {
  const held = new AbortController();
  void asked.then((workers) => {
    if (workers.length > 0) held.abort();
  });
  return search(AbortSignal.any([signal, held.signal]));
}

async function lookAll(app: Ctq, estates: readonly Estate[], taskId: string): Promise<TaskWhereabouts> {
  const [unseen, ...all] = await Promise.all([loadUnseen(app, taskId), ...estates.map(({ tasks }) => tasks.look(taskId))]);
  const withResult = all.find(({ result }) => result !== undefined);
  return {
    result: withResult?.result ?? unseen,
    resultTtlMs: withResult === undefined && unseen !== undefined ? 'not told' : withResult?.resultTtlMs,
    revoked: all.some(({ revoked }) => revoked),
    held: all.flatMap(({ held }) => held),
    failedAtMs: all.find(({ failedAtMs }) => failedAtMs !== undefined)?.failedAtMs,
  };
}

/** From a backend that nobody looks into: it gives a result to who has its id. */
async function loadUnseen(app: Ctq, taskId: string): Promise<ResultMeta | undefined> {
  return (await app.unseenResults())?.load(taskId);
}

async function searchAll(estates: readonly Estate[], taskId: string, { signal, onProgress }: LocateOptions): Promise<QueueSearchResult> {
  const brokers = estates.filter(({ parts }) => parts.includes('broker'));
  const found = await Promise.all(brokers.map(({ tasks }) => tasks.search(taskId, { signal, onProgress })));
  return {
    ready: found.flatMap(({ ready }) => ready),
    deadLetters: found.flatMap(({ deadLetters }) => deadLetters),
    searched: found.reduce((sum, { searched }) => sum + searched, 0),
    total: found.reduce((sum, { total }) => sum + total, 0),
  };
}

/** Nobody answers: then nobody has it, or nobody is there. Both are said by what the stores know. */
async function askWorkers(app: Ctq, taskId: string, signal: AbortSignal): Promise<WorkerAnswer[]> {
  const replies = await app.control.gather('query_task', { ids: [taskId] }, { timeout: WORKERS_WAIT_S, signal }).catch(() => []);
  return replies.flatMap(({ nodename, value }) => {
    const answer = isRecord(value) ? value[taskId] : undefined;
    if (!Array.isArray(answer)) return [];
    const [state, info] = answer as readonly unknown[];
    const { time_start: started, worker_pid: pid, name } = isRecord(info) ? info : {};
    return [
      {
        node: nodename,
        state: textOr(state, 'held'),
        startedAtMs: typeof started === 'number' && started > 0 ? started * 1000 : undefined,
        pid: typeof pid === 'number' ? pid : undefined,
        name: typeof name === 'string' ? name : undefined,
      },
    ];
  });
}

/** Python's workers do not count a task that waits for its time among those that `query_task` is about. */
async function askForScheduled(app: Ctq, taskId: string, signal: AbortSignal): Promise<WorkerAnswer[]> {
  const replies = await app.control.gather('scheduled', {}, { timeout: WORKERS_WAIT_S, signal }).catch(() => []);
  return replies.flatMap(({ nodename, value }) => {
    const requests = (Array.isArray(value) ? (value as unknown[]) : []).map((item) => (isRecord(item) ? item['request'] : undefined));
    const found = requests.find((request) => isRecord(request) && request['id'] === taskId);
    if (!isRecord(found)) return [];
    const name = typeof found['name'] === 'string' ? found['name'] : undefined;
    return [{ node: nodename, state: 'scheduled', startedAtMs: undefined, pid: undefined, name }];
  });
}

async function complete(
  estates: readonly Estate[],
  taskId: string,
  { held, ...known }: TaskWhereabouts,
  { workers, search }: { readonly workers?: readonly WorkerAnswer[]; readonly search?: QueueSearchResult },
): Promise<Located> {
  const places = [...held, ...(search?.ready ?? [])];
  const [place] = places;
  // Of a task that failed the message is in no queue any more, and may have been kept.
  const letter = place === undefined ? await keptLetter(estates, taskId, known) : undefined;
  const kept = letter === undefined ? place?.message : letter.message;
  const message = kept === undefined ? undefined : await describeMessage(kept);
  const groupId = textOr(message?.headers['group'], undefined) ?? known.result?.groupId;
  const chords = groupId === undefined ? [] : await Promise.all(estates.map(({ tasks }) => tasks.chord(groupId)));
  return {
    ...{ taskId, places, workers, message },
    ...known,
    deadLetters:
      letter?.kind === 'refused' ? [{ queue: letter.queue, reason: letter.reason, atMs: letter.atMs }] : (search?.deadLetters ?? []),
    search: search === undefined ? undefined : { searched: search.searched, total: search.total },
    chord: chords.find((chord) => chord !== undefined),
  };
}

async function keptLetter(
  estates: readonly Estate[],
  taskId: string,
  { failedAtMs, result }: Pick<TaskWhereabouts, 'failedAtMs' | 'result'>,
): Promise<DeadLetter | undefined> {
  // Without a record it may be among those that were refused, which are few.
  if (failedAtMs === undefined) return result?.status === FAILURE ? (await findFailed(estates, taskId))?.letter : undefined;
  const letters = await Promise.all(
    estates.filter(({ parts }) => parts.includes('broker')).map(({ deadLetters }) => deadLetters.find(taskId)),
  );
  return letters.find((letter) => letter !== undefined);
}
