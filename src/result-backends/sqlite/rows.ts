/** Statements on the table `result`. They run inside a transaction of the caller's. */
import type { SqliteConnection } from '../../connections/sqlite.js';
import { encodeResultMeta, type ResultMeta } from '../../protocol/result-meta.js';

export interface ResultRow {
  readonly taskId: string;
  readonly status: string;
  /** The document as JSON text, the same that Celery keeps in Redis (WIRE 7.1). */
  readonly meta: string;
}

export function toRow(meta: ResultMeta): ResultRow {
  return { taskId: meta.taskId, status: meta.status, meta: encodeResultMeta(meta) };
}

/** Undefined keeps it for ever. */
export function expiryOf(resultExpires: number | null, nowMs: number): number | null {
  return resultExpires ? Math.trunc(nowMs + resultExpires * 1_000) : null;
}

/** A stored success stays, unless it has expired (WIRE 7.2). */
export function storeResult(db: SqliteConnection, row: ResultRow, expiresAt: number | null, nowMs: number): void {
  db.run(
    `INSERT INTO result (task_id, status, expires_at, meta) VALUES (?, ?, ?, ?)
     ON CONFLICT (task_id) DO UPDATE SET status = excluded.status, expires_at = excluded.expires_at, meta = excluded.meta
     WHERE result.status <> 'SUCCESS' OR result.expires_at <= ?`,
    row.taskId,
    row.status,
    expiresAt,
    row.meta,
    nowMs,
  );
}

/** The text of the document; undefined when there is none, or it has expired. */
export function loadResult(db: SqliteConnection, taskId: string, nowMs: number): string | undefined {
  return db.get<{ meta: string }>('SELECT meta FROM result WHERE task_id = ? AND (expires_at IS NULL OR expires_at > ?)', taskId, nowMs)
    ?.meta;
}

export function forgetResult(db: SqliteConnection, taskId: string): void {
  db.run('DELETE FROM result WHERE task_id = ?', taskId);
}

/** Removes expired results, at most `limit`; returns how many. */
export function sweepResults(db: SqliteConnection, nowMs: number, limit: number): number {
  return db.run(
    'DELETE FROM result WHERE id IN (SELECT id FROM result WHERE expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ?)',
    nowMs,
    limit,
  );
}
