/** Results as rows: Celery's, which Python reads, and ours beside it with all that has no column there. */
import { createHash } from 'node:crypto';
import type { SqlDialect, SqlRow, SqlSession, SqlValue } from '../../connections/sql.js';
import { ProtocolError } from '../../errors.js';
import { parseJson, stringifyJson } from '../../protocol/kombu-json.js';
import { decodePlainPickle, encodePlainPickle, NotPlain } from '../../protocol/plain-pickle.js';
import { decodeResultMeta, encodeResultMeta, type ExtendedMeta, type ResultMeta } from '../../protocol/result-meta.js';
import { EXTENDED_COLUMNS, type SqlTables } from './tables.js';

const BASE_COLUMNS = ['result', 'date_done', 'traceback'] as const;

/** A result on its way into the tables. */
export interface ResultRow {
  readonly taskId: string;
  readonly status: string;
  /** The values of {@link BASE_COLUMNS}, and of {@link EXTENDED_COLUMNS}. */
  readonly base: readonly SqlValue[];
  readonly extended: readonly SqlValue[];
  readonly digest: string;
  readonly document: string;
}

/** @throws ProtocolError for a result that cannot be written. */
export function toRow(meta: ResultMeta): ResultRow {
  // Refuses what JSON cannot say; a result is the same on every engine.
  const document = encodeResultMeta(meta);
  const result = encodePlainPickle(meta.result);
  const { name, args, kwargs, worker, retries, queue } = meta.extended ?? NO_DETAILS;
  const json = (value: unknown): SqlValue => (value === null ? null : Buffer.from(stringifyJson(value)));
  return {
    ...{ taskId: meta.taskId, status: meta.status, document, digest: digestOf(result) },
    base: [result, meta.dateDone === null ? null : toSqlTime(meta.dateDone), meta.traceback],
    extended: [name, json(args), json(kwargs), worker, retries, queue],
  };
}

const NO_DETAILS: ExtendedMeta = { name: null, args: null, kwargs: null, worker: null, retries: null, queue: null };

/** Which of the pickles of a task our document is about: Python may have written another one since. */
function digestOf(pickle: Uint8Array): string {
  return createHash('sha256').update(pickle).digest('hex');
}

/** As SQLAlchemy writes it on SQLite, naive and in UTC. */
function toSqlTime(iso: string): string {
  const naive = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z|\+00:00)?$/.exec(iso);
  if (naive !== null) return `${naive[1]} ${naive[2]}`;
  return new Date(iso).toISOString().replace('T', ' ').replace('Z', '');
}

/** Writes rows of different tasks, each unless a success that has not expired is there. */
export async function writeRows(
  session: SqlSession,
  dialect: SqlDialect,
  { task, extended, nextId }: SqlTables,
  rows: readonly ResultRow[],
  { nowMs, expiresAt }: { readonly nowMs: number; readonly expiresAt: number | null },
): Promise<void> {
  // In one order, so that two who write the same ones do not wait for each other.
  const sorted = [...rows].sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
  const ids = sorted.map(({ taskId }) => taskId);
  const expired = await session.query(`SELECT task_id FROM ctq_taskmeta WHERE expires_at <= ? AND task_id IN (${marks(ids.length)})`, [
    nowMs,
    ...ids,
  ]);
  await removeRows(
    session,
    task,
    expired.map((row) => String(row['task_id'])),
  );
  const columns = ['task_id', ...BASE_COLUMNS, ...(extended ? EXTENDED_COLUMNS : []), 'status'];
  await session.query(
    upsert(dialect, { table: task, columns, nextId }, sorted.length),
    sorted.flatMap((row) => [row.taskId, ...row.base, ...(extended ? row.extended : []), row.status]),
  );
  await session.query(
    upsert(dialect, { table: 'ctq_taskmeta', columns: OWN_COLUMNS, nextId: undefined }, sorted.length),
    sorted.flatMap((row) => [row.taskId, row.digest, row.document, expiresAt, row.status]),
  );
}

const OWN_COLUMNS = ['task_id', 'digest', 'document', 'expires_at', 'status'] as const;

interface Target {
  readonly table: string;
  /** `task_id` first, `status` last: MySQL assigns one after the other. */
  readonly columns: readonly string[];
  readonly nextId: string | undefined;
}

function upsert(dialect: SqlDialect, { table, columns, nextId }: Target, count: number): string {
  const row = `(${nextId === undefined ? '' : `${nextId}, `}${marks(columns.length)})`;
  const values = Array.from({ length: count }, () => row).join(', ');
  const insert = `INSERT INTO ${table} (${nextId === undefined ? '' : 'id, '}${columns.join(', ')}) VALUES ${values}`;
  const changed = columns.slice(1);
  if (dialect === 'mysql') {
    return `${insert} ON DUPLICATE KEY UPDATE ${changed.map((name) => `${name} = IF(status = 'SUCCESS', ${name}, VALUES(${name}))`).join(', ')}`;
  }
  return `${insert} ON CONFLICT (task_id) DO UPDATE SET ${changed.map((name) => `${name} = excluded.${name}`).join(', ')} WHERE ${table}.status <> 'SUCCESS'`;
}

export async function removeRows(session: SqlSession, task: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  for (const table of [task, 'ctq_taskmeta']) {
    await session.query(`DELETE FROM ${table} WHERE task_id IN (${marks(ids.length)})`, ids);
  }
}

export interface Reading {
  readonly dialect: SqlDialect;
  readonly tables: SqlTables;
  readonly ids: readonly string[];
  readonly nowMs: number;
}

/** Those of the tasks that have a result, by their ids. */
export async function readRows(
  session: SqlSession,
  reading: Reading,
  look: 'first' | 'second' = 'first',
): Promise<Map<string, ResultMeta>> {
  const { dialect, tables, ids, nowMs } = reading;
  const { task, extended } = tables;
  // Two questions: MySQL compares no texts of tables that were made with different collations.
  const time = `CAST(date_done AS ${dialect === 'mysql' ? 'CHAR' : 'TEXT'})`;
  const theirs = await session.query(
    `SELECT task_id, status, result, ${time} AS done, traceback${extended ? `, ${EXTENDED_COLUMNS.join(', ')}` : ''}
     FROM ${task} WHERE task_id IN (${marks(ids.length)})`,
    ids,
  );
  const ours = new Map(
    (
      await session.query(
        `SELECT task_id, status, digest, document, expires_at FROM ctq_taskmeta WHERE task_id IN (${marks(ids.length)})`,
        ids,
      )
    ).map((row) => [row['task_id'], row]),
  );
  const metas = new Map<string, ResultMeta>();
  const torn: string[] = [];
  for (const row of theirs) {
    const id = String(row['task_id']);
    const own = ours.get(id);
    const pickle = row['result'] instanceof Uint8Array ? row['result'] : undefined;
    if (own !== undefined && own['status'] === row['status'] && pickle !== undefined && own['digest'] === digestOf(pickle)) {
      const expiresAt = own['expires_at'] ?? null;
      if (expiresAt === null || Number(expiresAt) > nowMs) metas.set(id, decodeResultMeta(String(own['document']), id));
    } else if (own !== undefined && look === 'first') {
      torn.push(id);
    } else if (row['status'] !== 'PENDING') {
      metas.set(id, pythonMeta(id, row, pickle));
    }
  }
  // Written by Python since, or by one of us between the two questions: a second look tells.
  if (torn.length > 0) for (const [id, meta] of await readRows(session, { ...reading, ids: torn }, 'second')) metas.set(id, meta);
  return metas;
}

/** What Python wrote. */
function pythonMeta(taskId: string, row: SqlRow, pickle: Uint8Array | undefined): ResultMeta {
  const text = (name: string): string | null => (typeof row[name] === 'string' ? row[name] : null);
  const details: ExtendedMeta | undefined =
    text('name') === null
      ? undefined
      : {
          ...{ name: text('name'), args: jsonOf(row['args']), kwargs: jsonOf(row['kwargs']), worker: text('worker') },
          ...{ retries: typeof row['retries'] === 'number' ? row['retries'] : null, queue: text('queue') },
        };
  return {
    ...{ taskId, status: text('status') ?? 'PENDING', result: resultOf(taskId, pickle), traceback: text('traceback') },
    ...{ children: null, dateDone: text('done')?.replace(' ', 'T') ?? null },
    ...(details === undefined ? {} : { extended: details }),
  };
}

function resultOf(taskId: string, pickle: Uint8Array | undefined): unknown {
  if (pickle === undefined) return null;
  try {
    return decodePlainPickle(pickle);
  } catch (error) {
    if (!(error instanceof NotPlain)) throw error;
    throw new ProtocolError('CTQ_PROTOCOL_REFUSED', `the result of ${taskId} is a pickle that is more than data: ${error.message}`, {
      hint: 'let the task return what JSON can say',
      cause: error,
    });
  }
}

function jsonOf(bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array)) return null;
  try {
    return parseJson(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}

export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}
