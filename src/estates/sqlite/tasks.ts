/** Where a task is, told by the file: its result, who has its message, and last of all the queues. */
import { rawBytes } from '../../brokers/sqlite/envelope.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { ChordCount, QueueSearch, QueueSearchResult, TaskDesk, TaskPlace, TaskWhereabouts } from '../../estate/tasks.js';
import { readMessage } from '../stored.js';
import { readResult } from '../stored-result.js';
import { commonOf, idOf } from '../task-id-text.js';
import type { SqliteReader } from './store.js';

interface Row {
  readonly id: number;
  readonly queue: string;
  readonly step: number;
  readonly place: number;
  readonly due_at: number | null;
  readonly published_at: number;
  readonly owner: number | null;
  readonly owner_name: string | null;
  readonly envelope: unknown;
}

const COLUMNS = `message.id, message.queue, step, place, due_at, published_at, message.owner, envelope,
  (SELECT name FROM owner WHERE owner.id = message.owner) AS owner_name`;
const READY = 'owner IS NULL AND due_at IS NULL';
/** Rows in one look, so that somebody who stops us does not wait for the rest. */
const PAGE = 5_000;

export function sqliteTaskDesk(store: SqliteReader): TaskDesk {
  return {
    async complete(prefix, limit, search) {
      const ids = await store.read((db) => knownIds(db, prefix, limit));
      if (ids.length > 0) return ids.slice(0, limit);
      const queued = new Set<string>();
      await eachReady(store, prefix, search, ({ envelope }) => {
        const id = idOf(readMessage(rawBytes(envelope)));
        if (id?.startsWith(prefix) === true) queued.add(id);
        return queued.size >= limit;
      });
      return [...queued];
    },
    look: (taskId) => store.read((db) => look(db, taskId)),
    search: (taskId, search) => searchQueues(store, taskId, search),
    chord: (groupId) => store.read((db) => chordCount(db, groupId)),
  };
}

function knownIds(db: SqliteConnection, prefix: string, limit: number): string[] {
  // A range and no LIKE: the index serves it, and nothing in the prefix is special.
  const stored = db.all<{ task_id: string }>('SELECT task_id FROM result WHERE task_id >= ? ORDER BY task_id LIMIT ?', prefix, limit);
  const held = heldRows(db, prefix).flatMap(({ envelope }) => idOf(readMessage(rawBytes(envelope))) ?? []);
  const failed = !hasFailedTasks(db)
    ? []
    : db.all<{ task_id: string }>('SELECT task_id FROM failed_task WHERE task_id >= ? ORDER BY task_id LIMIT ?', prefix, limit);
  return [...new Set([...[...stored, ...failed].map(({ task_id: id }) => id), ...held])].filter((id) => id.startsWith(prefix));
}

/** The table comes with the first failure. */
function hasFailedTasks(db: SqliteConnection): boolean {
  return db.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'failed_task'") !== undefined;
}

function heldRows(db: SqliteConnection, prefix: string): Row[] {
  return db.all<Row>(
    `SELECT ${COLUMNS} FROM message WHERE message.owner IS NOT NULL AND instr(envelope, ?)
     UNION ALL SELECT ${COLUMNS} FROM message WHERE due_at IS NOT NULL AND message.owner IS NULL AND instr(envelope, ?)`,
    commonOf(prefix),
    commonOf(prefix),
  );
}

function look(db: SqliteConnection, taskId: string): TaskWhereabouts {
  const nowMs = Date.now();
  const result = db.get<{ meta: string; expires_at: number | null }>(
    'SELECT meta, expires_at FROM result WHERE task_id = ? AND (expires_at IS NULL OR expires_at > ?)',
    taskId,
    nowMs,
  );
  const failed = hasFailedTasks(db)
    ? db.get<{ at: number }>('SELECT failed_at AS at FROM failed_task WHERE task_id = ?', taskId)
    : undefined;
  const held = heldRows(db, taskId).flatMap((row) => placeOf(row, taskId, { position: 0 }) ?? []);
  return {
    result: result === undefined ? undefined : readResult(result.meta, taskId),
    resultTtlMs: typeof result?.expires_at === 'number' ? result.expires_at - nowMs : undefined,
    revoked: db.get('SELECT 1 FROM revoked WHERE id = ? AND expires_at > ?', taskId, nowMs) !== undefined,
    held,
    failedAtMs: failed?.at,
  };
}

function placeOf(row: Row, taskId: string, count: { readonly position: number; readonly among?: number }): TaskPlace | undefined {
  const raw = rawBytes(row.envelope);
  const message = readMessage(raw);
  if (idOf(message) !== taskId) return undefined;
  const stored = { queue: row.queue, priority: row.step, raw, message, publishedAtMs: row.published_at, ...count };
  if (row.owner !== null) return { ...stored, place: 'unacked', ...(row.owner_name === null ? {} : { owner: row.owner_name }) };
  return row.due_at === null ? { ...stored, place: 'ready' } : { ...stored, place: 'delayed', dueAtMs: row.due_at };
}

async function searchQueues(store: SqliteReader, taskId: string, search: QueueSearch): Promise<QueueSearchResult> {
  const ready: TaskPlace[] = [];
  const { searched, total } = await eachReady(store, taskId, search, (row, db) => {
    const place = placeOf(row, taskId, lineUp(db, row));
    if (place !== undefined) ready.push(place);
    return place !== undefined;
  });
  if (ready.length > 0 || search.signal?.aborted === true) return { ready, deadLetters: [], searched, total };
  const dead = await store.read((db) =>
    db.all<{ queue: string; reason: string; died_at: number; envelope: unknown }>(
      'SELECT queue, reason, died_at, envelope FROM dead_letter WHERE instr(envelope, ?) ORDER BY id DESC LIMIT 10',
      commonOf(taskId),
    ),
  );
  const own = dead.filter(({ envelope }) => idOf(readMessage(rawBytes(envelope))) === taskId);
  return { ready, deadLetters: own.map(({ queue, reason, died_at: atMs }) => ({ queue, reason, atMs })), searched, total };
}

/** How many are before it, of how many. */
function lineUp(db: SqliteConnection, { id, queue, step, place }: Row): { readonly position: number; readonly among: number } {
  const counts = db.get<{ position: number; among: number }>(
    `SELECT coalesce(sum(place < ? OR (place = ? AND id < ?)), 0) AS position, count(*) AS among
     FROM message WHERE queue = ? AND step = ? AND ${READY}`,
    ...[place, place, id, queue, step],
  );
  return counts ?? { position: 0, among: 0 };
}

async function eachReady(
  store: SqliteReader,
  prefix: string,
  { onProgress, signal }: QueueSearch,
  found: (row: Row, db: SqliteConnection) => boolean,
): Promise<{ readonly searched: number; readonly total: number }> {
  const { total } = await store.read(
    (db) => db.get<{ total: number }>(`SELECT count(*) AS total FROM message WHERE ${READY}`) ?? { total: 0 },
  );
  let searched = 0;
  for (let last = 0; ; ) {
    if (signal?.aborted === true) return { searched, total };
    const page = await store.read((db) => {
      const span = db.get<{ last: number | null; rows: number }>(
        `SELECT max(id) AS last, count(*) AS rows FROM (SELECT id FROM message WHERE id > ? AND ${READY} ORDER BY id LIMIT ?)`,
        last,
        PAGE,
      );
      if (span === undefined || span.last === null) return undefined;
      const hits = db.all<Row>(
        `SELECT ${COLUMNS} FROM message WHERE message.id > ? AND message.id <= ? AND message.${READY.replace(' AND ', ' AND message.')} AND instr(envelope, ?)`,
        ...[last, span.last, commonOf(prefix)],
      );
      return { last: span.last, rows: span.rows, done: hits.some((row) => found(row, db)) };
    });
    if (page === undefined) return { searched, total };
    last = page.last;
    searched += page.rows;
    onProgress?.(searched, total);
    if (page.done) return { searched, total };
    await new Promise(setImmediate);
  }
}

function chordCount(db: SqliteConnection, groupId: string): ChordCount | undefined {
  const row = db.get<{ size: number | null; extra: number; reported: number }>(
    'SELECT size, extra, reported FROM chord WHERE group_id = ?',
    groupId,
  );
  return row === undefined ? undefined : { groupId, done: row.reported, size: row.size === null ? undefined : row.size + row.extra };
}
