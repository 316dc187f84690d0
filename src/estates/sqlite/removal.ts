/** Takes rows out of a queue, page by page: moved aside in one transaction, dropped once they are written down. */
import { hasDesk, prepareDesk } from '../../brokers/sqlite/desk-tables.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { BrokerError } from '../../errors.js';
import type { Keeping, RemovalTerms } from '../../estate/messages.js';
import { numbered } from '../stored.js';
import { MESSAGE_COLUMNS, type MessageRow, storedMessage } from './message-row.js';
import { restoredFrom } from './put-back.js';
import type { SqliteReader } from './store.js';

/** Rows in one transaction: other processes wait that long. */
const PAGE = 500;

type Place = RemovalTerms['places'][number];

const WHERE: Readonly<Record<Place, string>> = {
  ready: 'queue = ? AND owner IS NULL AND due_at IS NULL',
  delayed: 'queue = ? AND owner IS NULL AND due_at IS NOT NULL',
};

export async function removeMessages(store: SqliteReader, terms: RemovalTerms): Promise<number> {
  let removed = 0;
  let number = terms.keep?.from ?? 0;
  for (const place of terms.places) {
    // What comes later has a higher number; it is not what was asked to be removed.
    const last = await store.read((db) => lastId(db));
    let after: MessageRow | undefined;
    while (terms.signal?.aborted !== true) {
      const from = number;
      const behind: MessageRow | undefined = after;
      const page = await store.read((db) => nextRows(db, terms.queue, place, { behind, last }));
      if (page.length === 0) break;
      after = page.at(-1);
      const chosen = terms.wanted === undefined ? page : page.filter((row, index) => terms.wanted?.(storedMessage(row, index)) === true);
      const gone = await store.write((db) => takeOut(db, terms, chosen, from));
      await keep(store, terms, gone, from);
      number += gone.length;
      removed += gone.length;
      terms.onProgress?.(removed);
    }
  }
  return removed;
}

function lastId(db: SqliteConnection): number {
  return db.get<{ id: number | null }>('SELECT max(id) AS id FROM message')?.id ?? 0;
}

interface Range {
  readonly behind: MessageRow | undefined;
  readonly last: number;
}

function nextRows(db: SqliteConnection, queue: string, place: Place, { behind, last }: Range): MessageRow[] {
  const order = place === 'ready' ? 'step, place, id' : 'due_at, step, id';
  if (behind === undefined) {
    return db.all(`SELECT ${MESSAGE_COLUMNS} FROM message WHERE ${WHERE[place]} AND id <= ? ORDER BY ${order} LIMIT ${PAGE}`, queue, last);
  }
  const key = place === 'ready' ? [behind.step, behind.place, behind.id] : [behind.due_at ?? 0, behind.step, behind.id];
  return db.all(
    `SELECT ${MESSAGE_COLUMNS} FROM message WHERE ${WHERE[place]} AND id <= ? AND (${order}) > (?, ?, ?) ORDER BY ${order} LIMIT ${PAGE}`,
    ...[queue, last, ...key],
  );
}

/** Those of them that wait still. */
function takeOut(db: SqliteConnection, { keep }: RemovalTerms, rows: readonly MessageRow[], from: number): MessageRow[] {
  prepareDesk(db);
  if (keep !== undefined && restoredFrom(db, keep.id) !== undefined) {
    throw new BrokerError('CTQ_BROKER_FAILED', 'somebody puts back what this purge removes', {
      hint: 'it stopped; what it had removed is in its file',
    });
  }
  const gone: MessageRow[] = [];
  for (const row of rows) {
    const { id, take, due_at: due } = row;
    const where = `id = ? AND take = ? AND owner IS NULL AND due_at IS ${due === null ? 'NULL' : 'NOT NULL'}`;
    if (keep !== undefined) {
      db.run(
        `INSERT INTO aside (removal, number, removed_at, ${MESSAGE_COLUMNS}) SELECT ?, ?, ?, ${MESSAGE_COLUMNS} FROM message WHERE ${where}`,
        ...[keep.id, from + gone.length, Date.now(), id, take],
      );
    }
    if (db.run(`DELETE FROM message WHERE ${where}`, id, take) > 0) gone.push(row);
  }
  return gone;
}

async function keep(store: SqliteReader, terms: RemovalTerms, rows: readonly MessageRow[], from: number): Promise<void> {
  const { keep } = terms;
  if (keep === undefined || rows.length === 0) return;
  await keep.page(numbered(rows.map(storedMessage), from));
  await store.write((db) => void (hasDesk(db) && db.run('DELETE FROM aside WHERE removal = ?', keep.id)));
}

export async function keepAside(store: SqliteReader, id: string, page: Keeping['page']): Promise<number> {
  const rows = await store.read((db) =>
    hasDesk(db) ? db.all<AsideRow>(`SELECT number, ${MESSAGE_COLUMNS} FROM aside WHERE removal = ? ORDER BY number`, id) : [],
  );
  if (rows.length === 0) return 0;
  await page(rows.map((row, position) => Object.assign({}, storedMessage(row, position), { number: row.number })));
  // Another page may stand in its place by now.
  const last = rows.at(-1)?.number ?? -1;
  await store.write((db) => void db.run('DELETE FROM aside WHERE removal = ? AND number <= ?', id, last));
  return rows.length;
}

interface AsideRow extends MessageRow {
  readonly number: number;
}
