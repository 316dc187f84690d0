/** Takes in what was removed from another store: behind all that waits, each once. */
import { isUtf8 } from 'node:buffer';
import { priorityStep } from '../../brokers/priority.js';
import type { SqliteConnection, SqliteValue } from '../../connections/sqlite.js';
import type { ArrivalNote, RemovedMessage } from '../../estate/messages.js';
import { arrivalsEnded } from '../stored.js';

const TABLES = `
CREATE TABLE IF NOT EXISTS arrived (id TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrival_note (id TEXT PRIMARY KEY, text TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
`;
/** A removal of which nothing is taken in any more has come to this, less the number that it had come to. */
const ENDED = -3;
/** How long a removal that was killed may wait for somebody to go on with it. */
const REMEMBERED_MS = 90 * 86_400_000;

export function arrive(db: SqliteConnection, id: string, page: readonly RemovedMessage[], note: ArrivalNote | undefined): number {
  db.exec(TABLES);
  const before = db.get<{ number: number }>('SELECT number FROM arrived WHERE id = ?', id)?.number ?? -1;
  if (before < -1) throw arrivalsEnded();
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
  if (note?.text === '') db.run('DELETE FROM arrival_note WHERE id = ?', note.id);
  else if (note !== undefined) db.run('INSERT OR REPLACE INTO arrival_note (id, text, at) VALUES (?, ?, ?)', note.id, note.text, nowMs);
  return fresh.length;
}

/** From now on nothing of this removal is taken in. */
export function endArrivals(db: SqliteConnection, id: string): number {
  db.exec(TABLES);
  const mark = db.get<{ number: number }>('SELECT number FROM arrived WHERE id = ?', id)?.number ?? -1;
  if (mark < -1) return ENDED - mark;
  db.run('INSERT OR REPLACE INTO arrived (id, number, at) VALUES (?, ?, ?)', id, ENDED - mark, Date.now());
  return mark;
}

export function noted(db: SqliteConnection, id: string): string | undefined {
  if (db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'arrival_note'") === undefined) return undefined;
  return db.get<{ text: string }>('SELECT text FROM arrival_note WHERE id = ?', id)?.text;
}
