/** Tasks that ran and failed; their table is made by the first of them. */
import type { SqliteConnection } from '../../../connections/sqlite.js';
import type { DeadLetter } from '../../../estate/dead-letters.js';
import { envelopeText, failedLetter } from '../../dead-letter-text.js';
import type { SqliteReader } from '../store.js';

/** Messages may be large. */
const PAGE = 100;

interface FailedRow {
  readonly task_id: string;
  readonly failed_at: number;
  readonly about: string;
  readonly envelope: unknown;
}

/** Newest first. */
export async function* failedTasks(store: SqliteReader, signal?: AbortSignal): AsyncGenerator<readonly DeadLetter[]> {
  if (!(await store.read(hasFailedTasks))) return;
  for (let from = 0, full = true; full; from += PAGE) {
    signal?.throwIfAborted();
    const rows = await store.read((db) =>
      db.all<FailedRow>('SELECT * FROM failed_task ORDER BY failed_at DESC, task_id LIMIT ? OFFSET ?', PAGE, from),
    );
    if (rows.length > 0) yield rows.map(letterOf);
    full = rows.length === PAGE;
  }
}

export function failedCounts(db: SqliteConnection, sinceMs: number): { readonly failed: number; readonly failedSince: number } {
  const known = hasFailedTasks(db)
    ? db.get<{ failed: number; since: number }>(
        'SELECT count(*) AS failed, count(*) FILTER (WHERE failed_at >= ?) AS since FROM failed_task',
        sinceMs,
      )
    : undefined;
  return { failed: known?.failed ?? 0, failedSince: known?.since ?? 0 };
}

export function findFailedTask(db: SqliteConnection, taskId: string): DeadLetter | undefined {
  const row = hasFailedTasks(db) ? db.get<FailedRow>('SELECT * FROM failed_task WHERE task_id = ?', taskId) : undefined;
  return row === undefined ? undefined : letterOf(row);
}

/** Not one that failed anew since it was read. */
export function removeFailedTask(db: SqliteConnection, { key: taskId, atMs }: DeadLetter): boolean {
  return hasFailedTasks(db) && db.run('DELETE FROM failed_task WHERE task_id = ? AND failed_at = ?', taskId, atMs) > 0;
}

function hasFailedTasks(db: SqliteConnection): boolean {
  return db.get("SELECT 1 FROM sqlite_schema WHERE name = 'failed_task'") !== undefined;
}

function letterOf({ task_id: taskId, failed_at: atMs, about, envelope }: FailedRow): DeadLetter {
  return failedLetter(taskId, about, envelopeText(envelope), atMs);
}
