/** Results that say FAILURE, whoever stored them. */
import type { SqliteConnection } from '../../../connections/sqlite.js';
import type { SendAgain, StoredFailure } from '../../../estate/dead-letters.js';
import { failureIn } from '../../dead-letter-text.js';
import type { SqliteReader } from '../store.js';

const PAGE = 500;
const ALIVE = '(expires_at IS NULL OR expires_at > ?)';

export async function* storedFailures(store: SqliteReader, signal?: AbortSignal): AsyncGenerator<readonly StoredFailure[]> {
  for (let after = 0, full = true; full; ) {
    signal?.throwIfAborted();
    const from = after;
    const rows = await store.read((db) =>
      db.all<{ id: number; task_id: string; meta: string }>(
        `SELECT id, task_id, meta FROM result WHERE id > ? AND status = 'FAILURE' AND ${ALIVE} ORDER BY id LIMIT ?`,
        from,
        Date.now(),
        PAGE,
      ),
    );
    const found = rows.flatMap((row) => failureIn(row.task_id, row.meta) ?? []);
    if (found.length > 0) yield found;
    after = rows.at(-1)?.id ?? 0;
    full = rows.length === PAGE;
  }
}

export function findStoredFailure(db: SqliteConnection, taskId: string): StoredFailure | undefined {
  const row = db.get<{ meta: string }>(`SELECT meta FROM result WHERE task_id = ? AND ${ALIVE}`, taskId, Date.now());
  return row === undefined ? undefined : failureIn(taskId, row.meta);
}

export function isStillStored(db: SqliteConnection, { taskId, seen }: NonNullable<SendAgain['failure']>): boolean {
  return db.get<{ meta: string }>('SELECT meta FROM result WHERE task_id = ?', taskId)?.meta === seen;
}

export function markAsSentAgain(db: SqliteConnection, { taskId, now }: NonNullable<SendAgain['failure']>): void {
  db.run("UPDATE result SET status = 'RETRY', meta = ? WHERE task_id = ?", now, taskId);
}
