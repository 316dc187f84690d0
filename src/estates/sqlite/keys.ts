/** The rows of the file as keys: see key-sources.ts for their names. */
import { rawBytes } from '../../brokers/sqlite/envelope.js';
import type { SqliteConnection, SqliteValue } from '../../connections/sqlite.js';
import type { KeyContents, KeyDesk, KeyEntry, KeyPage, KeyQuery, KeyReport } from '../../estate/keys.js';
import { isRecord } from '../../protocol/record.js';
import { globMatches } from '../glob.js';
import { readPlain, readValue } from '../key-values.js';
import { KEY_SOURCES, type KeySource, RESULT_SOURCE } from './key-sources.js';
import type { SqliteReader } from './store.js';

interface KeyRow {
  readonly id?: number;
  readonly name: string;
  readonly members: number | null;
  readonly bytes?: number | null;
  readonly expires_at?: number | null;
  readonly orphans?: number | null;
}

const PAGE = 1_000;

export function sqliteKeyDesk(store: SqliteReader): KeyDesk {
  return {
    scan: (query, signal) => scanKeys(store, query, signal),
    show: (name, page) => show(store, name, page),
    removeOrphans: (keys) => store.write((db) => keys.reduce((gone, key) => gone + removeOrphan(db, key), 0)),
  };
}

async function* scanKeys(store: SqliteReader, { pattern, kinds }: KeyQuery, signal?: AbortSignal): AsyncGenerator<readonly KeyReport[]> {
  const isWanted = ({ name, kind }: KeyReport): boolean =>
    (kinds === undefined || kinds.includes(kind)) && (pattern === undefined || globMatches(pattern, name));
  const nowMs = Date.now();
  const reports = (source: KeySource, rows: readonly KeyRow[]): KeyReport[] =>
    rows.map((row) => reportOf(source, row, nowMs)).filter((report) => isWanted(report));
  const few = await store.read((db) => sourcesOf(db).flatMap((source) => reports(source, db.all<KeyRow>(source.keys))));
  if (few.length > 0) yield few;
  for (let last = -1; ; ) {
    signal?.throwIfAborted();
    const rows = await store.read((db) => db.all<KeyRow>(`${RESULT_SOURCE.keys} WHERE id > ? ORDER BY id LIMIT ?`, last, PAGE));
    if (rows.length === 0) return;
    last = rows.at(-1)?.id ?? last;
    yield reports(RESULT_SOURCE, rows);
  }
}

function sourcesOf(db: SqliteConnection): readonly KeySource[] {
  const tables = new Set(db.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").map(({ name }) => name));
  return KEY_SOURCES.filter(({ table }) => tables.has(table));
}

function reportOf(source: KeySource, row: KeyRow, nowMs: number): KeyReport {
  const { name, members, bytes, expires_at: expiresAt, orphans } = row;
  return {
    ...{ name, kind: source.kind, about: source.about(name.slice(source.prefix.length)) },
    type: members === null ? 'row' : 'rows',
    members: members ?? undefined,
    bytes: bytes ?? undefined,
    ttlMs: expiresAt === null || expiresAt === undefined ? undefined : Math.max(0, expiresAt - nowMs),
    ...(source.orphan === undefined || !orphans ? {} : { orphan: { reason: source.orphan, count: orphans } }),
  };
}

async function show(store: SqliteReader, name: string, { offset, limit }: KeyPage): Promise<KeyContents | undefined> {
  const found = await store.read((db) => {
    for (const source of [RESULT_SOURCE, ...sourcesOf(db)]) {
      if (!name.startsWith(source.prefix)) continue;
      const row =
        source === RESULT_SOURCE
          ? db.get<KeyRow>(`${source.keys} WHERE task_id = ?`, name.slice(source.prefix.length))
          : db.get<KeyRow>(`SELECT * FROM (${source.keys}) WHERE name = ?`, name);
      if (row === undefined) continue;
      const rows = db.all<Record<string, SqliteValue>>(
        `${source.rows} LIMIT ? OFFSET ?`,
        name.slice(source.prefix.length),
        limit + 1,
        offset,
      );
      return { report: reportOf(source, row, Date.now()), rows };
    }
    return undefined;
  });
  if (found === undefined) return undefined;
  const { report, rows } = found;
  const page = rows.slice(0, limit);
  const entries = await Promise.all(page.map((row, index) => entriesOf(report, row, String(offset + index))));
  return { ...report, entries: entries.flat(), more: rows.length > limit };
}

/** Times as Redis' keys show them, texts as what they say, and a single document field by field. */
async function entriesOf({ type, kind }: KeyReport, row: Record<string, SqliteValue>, name: string): Promise<KeyEntry[]> {
  const fields: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    if (column === 'envelope') fields['message'] = await readValue('queue', rawBytes(value));
    else if (column.endsWith('_at') && typeof value === 'number') fields[column] = new Date(value).toISOString();
    else fields[column] = typeof value === 'string' && /^[[{"]/.test(value) ? readPlain(Buffer.from(value)) : value;
  }
  const [only, ...others] = Object.values(fields);
  const value = others.length === 0 ? only : fields;
  if (type !== 'row') return [{ name, value }];
  if (!isRecord(value) || kind === 'group result') return [{ name: 'value', value }];
  return Object.entries(value).map(([field, one]) => ({ name: field, value: one }));
}

/** Looked at again inside the transaction. */
function removeOrphan(db: SqliteConnection, { name, kind }: KeyReport): number {
  const rest = (prefix: string): string => name.slice(prefix.length);
  switch (kind) {
    case 'result':
      return db.run('DELETE FROM result WHERE task_id = ? AND expires_at IS NULL', rest('celery-task-meta-'));
    case 'group result':
      return db.run('DELETE FROM task_group WHERE group_id = ? AND expires_at IS NULL', rest('celery-taskset-meta-'));
    case 'binding':
      return db.run('DELETE FROM binding WHERE exchange = ? AND queue NOT IN (SELECT name FROM queue)', rest('_kombu.binding.'));
    case 'unacked':
      return db.run('UPDATE message SET owner = NULL WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM owner)');
    default:
      return 0;
  }
}
