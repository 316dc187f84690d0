/** Messages that nobody could or would run. */
import type { SqliteConnection } from '../../../connections/sqlite.js';
import type { DeadLetter } from '../../../estate/dead-letters.js';
import { envelopeText, messageIn } from '../../dead-letter-text.js';
import type { SqliteReader } from '../store.js';

/** Messages may be large. */
const PAGE = 100;

interface RefusedRow {
  readonly id: number;
  readonly queue: string;
  readonly reason: string;
  readonly died_at: number;
  readonly envelope: unknown;
}

/** Newest first. */
export async function* refusedMessages(store: SqliteReader, signal?: AbortSignal): AsyncGenerator<readonly DeadLetter[]> {
  for (let before = Number.MAX_SAFE_INTEGER, full = true; full; ) {
    signal?.throwIfAborted();
    const rows = await store.read((db) =>
      db.all<RefusedRow>(
        'SELECT id, queue, reason, died_at, envelope FROM dead_letter WHERE id < ? ORDER BY id DESC LIMIT ?',
        before,
        PAGE,
      ),
    );
    if (rows.length > 0) yield rows.map(letterOf);
    before = rows.at(-1)?.id ?? 0;
    full = rows.length === PAGE;
  }
}

export function refusedCounts(db: SqliteConnection): ReadonlyMap<string, number> {
  const rows = db.all<{ queue: string; count: number }>('SELECT queue, count(*) AS count FROM dead_letter GROUP BY queue');
  return new Map(rows.map(({ queue, count }) => [queue, count]));
}

export function removeRefusedMessage(db: SqliteConnection, { key }: DeadLetter): boolean {
  return db.run('DELETE FROM dead_letter WHERE id = ?', Number(key)) > 0;
}

function letterOf({ id, queue, reason, died_at: atMs, envelope }: RefusedRow): DeadLetter {
  const text = envelopeText(envelope);
  return { kind: 'refused', key: String(id), queue, reason, note: undefined, atMs, text, message: messageIn(text) };
}
