/** Messages as rows: removing one and putting it back keeps its number, and with it its place. */
import { hasDesk } from '../../brokers/sqlite/desk-tables.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { Aside, MessageDesk, StoredMessage } from '../../estate/messages.js';
import { MESSAGE_COLUMNS, type MessageRow, storedMessage } from './message-row.js';
import { arrive, endArrivals, noted } from './arrive.js';
import { putBackAside, restore, restoredFrom } from './put-back.js';
import { keepAside, removeMessages } from './removal.js';
import type { SqliteReader } from './store.js';

const SAMPLE_RUNS = 20;
const READY = 'owner IS NULL AND due_at IS NULL';

export function sqliteMessageDesk(store: SqliteReader): MessageDesk {
  return {
    looks: 'unseen',
    restores: 'in place',
    page: (queue, offset, limit) => store.read((db) => page(db, queue, offset, limit)),
    sample: (queue, size) => store.read((db) => sample(db, queue, size)),
    remove: (terms) => removeMessages(store, terms),
    aside: () => store.read(asideOnes),
    keepAside: (id, keep) => keepAside(store, id, keep),
    putBackAside: (id, arrivedUpTo) => store.write((db) => putBackAside(db, id, arrivedUpTo)),
    restoredFrom: (id) => store.read((db) => restoredFrom(db, id)),
    restore: (id, messages) => store.write((db) => restore(db, id, messages)),
    arrive: (id, messages, note) => store.write((db) => arrive(db, id, messages, note)),
    endArrivals: (id) => store.write((db) => endArrivals(db, id)),
    noted: (id) => store.read((db) => noted(db, id)),
  };
}

function page(db: SqliteConnection, queue: string, offset: number, limit: number): StoredMessage[] {
  const ready = db.all<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM message WHERE queue = ? AND ${READY} ORDER BY step, place, id LIMIT ? OFFSET ?`,
    ...[queue, limit, offset],
  );
  const positions = positionsFrom(db, queue, offset);
  const found = ready.map((row) => storedMessage(row, positions(row.step)));
  if (found.length === limit) return found;
  const skip = Math.max(0, offset - (found.length > 0 ? offset : readyCount(db, queue)));
  const delayed = db.all<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM message WHERE queue = ? AND owner IS NULL AND due_at IS NOT NULL ORDER BY due_at, id LIMIT ? OFFSET ?`,
    ...[queue, limit - found.length, skip],
  );
  return [...found, ...delayed.map((row, index) => storedMessage(row, skip + index))];
}

/** Counts the positions within each step, beginning with the message at `offset`. */
function positionsFrom(db: SqliteConnection, queue: string, offset: number): (step: number) => number {
  const next = new Map<number, number>();
  let before = 0;
  for (const { step, count } of db.all<{ step: number; count: number }>(
    `SELECT step, count(*) AS count FROM message WHERE queue = ? AND ${READY} GROUP BY step ORDER BY step`,
    queue,
  )) {
    next.set(step, Math.min(count, Math.max(0, offset - before)));
    before += count;
  }
  return (step) => {
    const position = next.get(step) ?? 0;
    next.set(step, position + 1);
    return position;
  };
}

function readyCount(db: SqliteConnection, queue: string): number {
  return db.get<{ count: number }>(`SELECT count(*) AS count FROM message WHERE queue = ? AND ${READY}`, queue)?.count ?? 0;
}

function sample(db: SqliteConnection, queue: string, size: number): { messages: StoredMessage[]; total: number } {
  const total = readyCount(db, queue);
  if (total <= size) return { messages: page(db, queue, 0, total).filter(({ place }) => place === 'ready'), total };
  const runs = Math.min(SAMPLE_RUNS, size);
  const run = Math.max(1, Math.floor(size / runs));
  const messages: StoredMessage[] = [];
  for (let index = 0; index < runs; index += 1) {
    const offset = Math.max(0, Math.floor((total * (index + 0.5)) / runs) - Math.floor(run / 2));
    messages.push(...page(db, queue, offset, run).filter(({ place }) => place === 'ready'));
  }
  return { messages, total };
}

function asideOnes(db: SqliteConnection): Aside[] {
  if (!hasDesk(db)) return [];
  const nowMs = Date.now();
  return db
    .all<{ id: string; count: number; at: number }>(
      'SELECT removal AS id, count(*) AS count, max(removed_at) AS at FROM aside GROUP BY removal',
    )
    .map(({ id, count, at }) => ({ id, count, queues: asideQueues(db, id), idleMs: Math.max(0, nowMs - at) }));
}

function asideQueues(db: SqliteConnection, id: string): ReadonlyMap<string, number> {
  const rows = db.all<{ queue: string; count: number }>(
    'SELECT queue, count(*) AS count FROM aside WHERE removal = ? GROUP BY queue ORDER BY queue',
    id,
  );
  return new Map(rows.map(({ queue, count }) => [queue, count]));
}
