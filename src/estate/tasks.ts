/** One task's whereabouts in a store. */
import type { ResultMeta } from '../protocol/result-meta.js';
import type { StoredMessage } from './messages.js';

/** A message of the task that lies somewhere, and who holds it where that is known. */
export interface TaskPlace extends StoredMessage {
  /** The consumer that holds it, as far as the store can name it. */
  readonly owner?: string;
  /** Since when. */
  readonly takenAtMs?: number;
  /** How many lie in its queue and priority. */
  readonly among?: number;
}

/** A group that this task is one of and that a chord counts: how many parts are in, of how many. */
export interface ChordCount {
  readonly groupId: string;
  readonly done: number;
  /** undefined until the sender told it. */
  readonly size: number | undefined;
}

/** What can be known of a task without looking through queues. */
export interface TaskWhereabouts {
  readonly result: ResultMeta | undefined;
  /** undefined: for ever, or there is no result. `not told` by a backend that gives results only. */
  readonly resultTtlMs: number | 'not told' | undefined;
  readonly revoked: boolean;
  /** Messages that somebody holds, or that wait for their time. */
  readonly held: readonly TaskPlace[];
  /** When it failed for good, where that is kept. */
  readonly failedAtMs: number | undefined;
}

export interface QueueSearch {
  /** Told now and then. */
  readonly onProgress?: (searched: number, total: number) => void;
  /** Aborted, the search ends with what it has. */
  readonly signal?: AbortSignal;
}

/** What a search of the queues brought. */
export interface QueueSearchResult {
  readonly ready: readonly TaskPlace[];
  readonly deadLetters: readonly { readonly queue: string; readonly reason: string; readonly atMs: number | undefined }[];
  /** How many messages were looked at, of how many. */
  readonly searched: number;
  readonly total: number;
}

export interface TaskDesk {
  /** Ids that begin with `prefix`, at most `limit`: of results and of messages that are held; then, should these be none, of queues. */
  complete(prefix: string, limit: number, search: QueueSearch): Promise<readonly string[]>;
  look(taskId: string): Promise<TaskWhereabouts>;
  /** Looks through queues and dead letters, page by page, until the task turns up. */
  search(taskId: string, search: QueueSearch): Promise<QueueSearchResult>;
  /** undefined when nobody counts this group. */
  chord(groupId: string): Promise<ChordCount | undefined>;
}
