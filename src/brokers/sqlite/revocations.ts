/** Revoked ids in a table, with when they may be forgotten. */
import type { SqliteConnection } from '../../connections/sqlite.js';

/** As many as a Celery worker remembers. */
const MOST = 50_000;

export function keepRevoked(db: SqliteConnection, ids: readonly string[], untilMs: number): void {
  for (const id of ids) db.run('INSERT OR REPLACE INTO revoked (id, expires_at) VALUES (?, ?)', id, untilMs);
  db.run('DELETE FROM revoked WHERE id IN (SELECT id FROM revoked ORDER BY expires_at DESC LIMIT -1 OFFSET ?)', MOST);
}

export function revokedIds(db: SqliteConnection, nowMs: number): string[] {
  return db.all<{ id: string }>('SELECT id FROM revoked WHERE expires_at > ?', nowMs).map(({ id }) => id);
}
