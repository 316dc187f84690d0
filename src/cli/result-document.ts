/** A task's result as `--json` prints it: the same keys for every state. */
import type { ExtendedMeta, ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { PENDING } from '../protocol/states.js';

export interface ResultDocument {
  readonly id: string;
  readonly state: string;
  /** The value; of a task that failed or was revoked `{exc_type, exc_message, exc_module}`; null when there is none. */
  readonly result: unknown;
  readonly traceback: string | null;
  /** Ids of the tasks that it sent. */
  readonly children: readonly string[];
  readonly date_done: string | null;
}

/** With `result_extended`, what was called and where, and the stamps of a stamped task. */
export type ExtendedDocument = ResultDocument & Partial<ExtendedMeta> & Pick<ResultMeta, 'stamps'>;

export function resultDocument(id: string, meta: ResultMeta | undefined): ExtendedDocument {
  return {
    id,
    state: meta?.status ?? PENDING,
    result: meta?.result ?? null,
    traceback: meta?.traceback ?? null,
    children: (meta?.children ?? []).flatMap(idsIn),
    date_done: meta?.dateDone ?? null,
    ...meta?.extended,
    ...(meta?.stamps === undefined ? {} : { stamps: meta.stamps }),
  };
}

/** A group's members; a single task is itself. */
export function idsIn(tree: ResultTree): readonly string[] {
  const [[id], members] = tree;
  return members === null ? [id] : members.flatMap(idsIn);
}
