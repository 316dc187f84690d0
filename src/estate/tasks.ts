/** One task's whereabouts in a store. */
import type { ResultMeta } from '../protocol/result-meta.js';
import type { StoredMessage } from './messages.js';

/** A message of the task that lies somewhere, and who holds it where that is known. */
export interface TaskPlace extends StoredMessage {
  /** The consumer that holds it: node name of a ctq worker. */
  readonly owner?: string;
}

export interface TaskWhereabouts {
  readonly taskId: string;
  readonly places: readonly TaskPlace[];
  readonly result: ResultMeta | undefined;
  readonly resultTtlMs: number | undefined;
  readonly revoked: boolean;
  readonly deadLetter?: { readonly queue: string; readonly reason: string; readonly atMs: number };
  /** A group that this task is one of and that a chord counts: how many are in, of how many. */
  readonly chord?: { readonly groupId: string; readonly done: number; readonly size: number | undefined };
}

export interface TaskDesk {
  /** Ids that begin with `prefix`, at most `limit`, wherever they turn up: results first, then messages. */
  complete(prefix: string, limit: number): Promise<readonly string[]>;
  /** All that the store knows of one task. Long queues are searched in pages. */
  find(taskId: string, signal?: AbortSignal): Promise<TaskWhereabouts>;
}
