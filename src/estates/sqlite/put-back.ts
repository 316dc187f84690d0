/** Puts removed rows back under their numbers: that is their place in the line. */
import { hasDesk, prepareDesk } from '../../brokers/sqlite/desk-tables.js';
import type { SqliteConnection, SqliteValue } from '../../connections/sqlite.js';
import type { RemovedMessage } from '../../estate/messages.js';
import { MESSAGE_COLUMNS } from './message-row.js';

export function restoredFrom(db: SqliteConnection, id: string): number | undefined {
  if (!hasDesk(db)) return undefined;
  return db.get<{ at: number }>('SELECT restored_from AS at FROM removal WHERE id = ?', id)?.at;
}

export function putBackAside(db: SqliteConnection, id: string, arrivedUpTo = -1): number {
  if (!hasDesk(db)) return 0;
  db.run('DELETE FROM aside WHERE removal = ? AND number <= ?', id, arrivedUpTo);
  const first = db.get<{ number: number | null }>('SELECT min(number) AS number FROM aside WHERE removal = ?', id)?.number ?? null;
  if (first === null) return 0;
  const count = db.run(`INSERT INTO message (${MESSAGE_COLUMNS}) SELECT ${MESSAGE_COLUMNS} FROM aside WHERE removal = ?`, id);
  db.run('DELETE FROM aside WHERE removal = ?', id);
  note(db, id, first);
  return count;
}

export function restore(db: SqliteConnection, id: string, page: readonly RemovedMessage[]): boolean {
  prepareDesk(db);
  const before = restoredFrom(db, id);
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return true;
  if (before !== undefined && last.number >= before) return false;
  // The last ones first: those that have lost their number go before the first of what waits.
  for (const message of page.toReversed()) putBack(db, message);
  note(db, id, first.number);
  return true;
}

function note(db: SqliteConnection, id: string, from: number): void {
  db.run('INSERT OR REPLACE INTO removal (id, restored_from) VALUES (?, ?)', id, from);
}

function putBack(db: SqliteConnection, message: RemovedMessage): void {
  const { queue, priority, raw, whereabouts = {} } = message;
  const due = message.place === 'delayed' ? (message.dueAtMs ?? null) : null;
  const published = message.publishedAtMs ?? Date.now();
  const envelope: SqliteValue = whereabouts['form'] === 'blob' ? raw : Buffer.from(raw).toString('utf8');
  const { id, place, take, redeliveries } = whereabouts;
  const known = typeof id === 'number' && db.get('SELECT 1 FROM message WHERE id = ?', id) === undefined;
  if (known) {
    db.run(
      `INSERT INTO message (${MESSAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, queue, priority, Number(place), Number(take), Number(redeliveries), due, published, envelope],
    );
    return;
  }
  // From another store, or the file is another one: before all that waits.
  const first = db.get<{ place: number }>(
    'SELECT place FROM message WHERE queue = ? AND step = ? AND owner IS NULL AND due_at IS NULL ORDER BY place LIMIT 1',
    ...[queue, priority],
  );
  db.run(
    'INSERT INTO message (queue, step, place, due_at, published_at, envelope) VALUES (?, ?, ?, ?, ?, ?)',
    ...[queue, priority, Math.min(first?.place ?? 0, 0) - 1, due, published, envelope],
  );
}
