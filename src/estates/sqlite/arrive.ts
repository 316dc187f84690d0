/** Takes in what was removed from another store: behind all that waits, each once. */
import { isUtf8 } from 'node:buffer';
import { priorityStep } from '../../brokers/priority.js';
import type { SqliteConnection, SqliteValue } from '../../connections/sqlite.js';
import type { RemovedMessage } from '../../estate/messages.js';

const TABLE = 'CREATE TABLE IF NOT EXISTS arrived (id TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID';
/** How long a removal that was killed may wait for somebody to go on with it. */
const REMEMBERED_MS = 90 * 86_400_000;

export function arrive(db: SqliteConnection, id: string, page: readonly RemovedMessage[]): number {
  db.exec(TABLE);
  const before = db.get<{ number: number }>('SELECT number FROM arrived WHERE id = ?', id)?.number ?? -1;
  const fresh = page.filter(({ number }) => number > before);
  const nowMs = Date.now();
  for (const { queue, priority, raw, message, place, dueAtMs, publishedAtMs } of fresh) {
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
    const envelope: SqliteValue = isUtf8(bytes) ? bytes.toString('utf8') : bytes;
    // Its own priority knows more than the step of a store that may have other steps.
    const step = message?.properties.priority === undefined ? priority : priorityStep(message.properties.priority);
    db.run(
      'INSERT INTO message (queue, step, due_at, published_at, envelope) VALUES (?, ?, ?, ?, ?)',
      ...[queue, step, place === 'delayed' ? (dueAtMs ?? null) : null, publishedAtMs ?? nowMs, envelope],
    );
  }
  const last = fresh.at(-1);
  if (last !== undefined) {
    db.run('INSERT OR REPLACE INTO arrived (id, number, at) VALUES (?, ?, ?)', id, last.number, nowMs);
    db.run('DELETE FROM arrived WHERE at < ?', nowMs - REMEMBERED_MS);
  }
  return fresh.length;
}
