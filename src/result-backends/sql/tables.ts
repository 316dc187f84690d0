/**
 * The tables: Celery's `celery_taskmeta` as its SQLAlchemy models have it (celery/backends/database/models.py), with room
 * for more where a database's default is small, and ours for what has no column there.
 */
import { type SqlDialect, SqlFailure, type SqlSession } from '../../connections/sql.js';
import { ConfigError } from '../../errors.js';
import type { ResultBackendOptions } from '../../result-backend.js';

/** Written when a table has them: Celery makes them with `result_extended` only. */
export const EXTENDED_COLUMNS = ['name', 'args', 'kwargs', 'worker', 'retries', 'queue'] as const;

/** Where Celery's results are: `database_table_names` and `database_table_schemas`, ready to stand in a statement. */
export interface SqlNames {
  readonly task: string;
  /** What is put before the names of sequences: SQLAlchemy looks for them where the table is. */
  readonly schema: string;
}

export interface SqlTables {
  /** Celery's table. */
  readonly task: string;
  readonly extended: boolean;
  /** What gives the next id of `celery_taskmeta`; undefined where the column does so by itself. */
  readonly nextId: string | undefined;
}

/** SQLAlchemy takes ids from sequences of these names where a database has sequences, and so must we. */
const SEQUENCES = ['task_id_sequence', 'taskset_id_sequence'] as const;

interface Types {
  readonly id: string;
  readonly bytes: string;
  readonly text: string;
  readonly time: string;
  readonly after: string;
}

const TYPES: Readonly<Record<SqlDialect, Types>> = {
  sqlite: { id: 'INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT', bytes: 'BLOB', text: 'TEXT', time: 'DATETIME', after: '' },
  postgresql: { id: 'INTEGER NOT NULL PRIMARY KEY', bytes: 'BYTEA', text: 'TEXT', time: 'TIMESTAMP WITHOUT TIME ZONE', after: '' },
  mysql: {
    ...{ id: 'INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT', bytes: 'LONGBLOB', text: 'LONGTEXT', time: 'DATETIME(6)' },
    after: ' CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  },
};

/** Any number: nobody else in the database should take the same. */
const LOCK = 7_102_411;

/** @throws ConfigError for names that are no texts. */
export function namesOf(dialect: SqlDialect, { names = {}, schemas = {} }: NonNullable<ResultBackendOptions['tables']>): SqlNames {
  const quoted = (setting: string, value: unknown): string => {
    if (typeof value !== 'string' || value === '' || value.includes('\0')) {
      throw new ConfigError(`${setting}.task is no name: ${JSON.stringify(value)}`, { hint: "write it as { task: 'my_taskmeta' }" });
    }
    const mark = dialect === 'mysql' ? '`' : '"';
    return mark + value.replaceAll(mark, mark + mark) + mark;
  };
  const { task = 'celery_taskmeta' } = names;
  const schema = schemas['task'] === undefined ? '' : `${quoted('database_table_schemas', schemas['task'])}.`;
  return { task: schema + quoted('database_table_names', task), schema };
}

function statements(dialect: SqlDialect, { task, schema }: SqlNames): string[] {
  const { id, bytes, text, time, after } = TYPES[dialect];
  const made = [
    `CREATE TABLE IF NOT EXISTS ${task} (id ${id}, task_id VARCHAR(155) UNIQUE, status VARCHAR(50), result ${bytes},
      date_done ${time}, traceback ${text}, name VARCHAR(155), args ${bytes}, kwargs ${bytes}, worker VARCHAR(155), retries INTEGER,
      queue VARCHAR(155))${after}`,
    `CREATE TABLE IF NOT EXISTS ctq_taskmeta (task_id VARCHAR(155) NOT NULL PRIMARY KEY, status VARCHAR(50) NOT NULL,
      digest VARCHAR(64) NOT NULL, document ${text} NOT NULL, expires_at BIGINT)${after}`,
    `CREATE TABLE IF NOT EXISTS ctq_chord (group_id VARCHAR(155) NOT NULL PRIMARY KEY, size INTEGER, extra INTEGER NOT NULL,
      reported INTEGER NOT NULL, expires_at BIGINT)${after}`,
    `CREATE TABLE IF NOT EXISTS ctq_chord_part (group_id VARCHAR(155) NOT NULL, task_id VARCHAR(155) NOT NULL, group_index INTEGER,
      status VARCHAR(50) NOT NULL, result ${text} NOT NULL, PRIMARY KEY (group_id, task_id))${after}`,
    `CREATE TABLE IF NOT EXISTS ctq_group (group_id VARCHAR(155) NOT NULL PRIMARY KEY, tree ${text} NOT NULL, expires_at BIGINT)${after}`,
  ];
  if (dialect === 'mysql') return made;
  const index = 'CREATE INDEX IF NOT EXISTS ctq_taskmeta_expires ON ctq_taskmeta (expires_at)';
  const sequences = SEQUENCES.map((name) => `CREATE SEQUENCE IF NOT EXISTS ${schema}${name}`);
  return dialect === 'postgresql' ? [`SELECT pg_advisory_xact_lock(${LOCK})`, ...sequences, ...made, index] : [...made, index];
}

/** Makes what is not there; who may not make tables needs them made by somebody else. */
export async function prepareTables(
  look: <T>(work: (session: SqlSession) => Promise<T>) => Promise<T>,
  make: (work: (session: SqlSession) => Promise<void>) => Promise<void>,
  dialect: SqlDialect,
  names: SqlNames,
): Promise<SqlTables> {
  const { task } = names;
  const has = async (columns: string, table: string): Promise<boolean> => {
    try {
      await look((session) => session.query(`SELECT ${columns} FROM ${table} WHERE 1 = 0`));
      return true;
    } catch (error) {
      if (error instanceof SqlFailure && error.kind === 'unreachable') throw error;
      return false;
    }
  };
  const there = (await has('task_id', task)) && (await has('task_id', 'ctq_taskmeta')) && (await has('tree', 'ctq_group'));
  if (!there) {
    await make(async (session) => {
      for (const statement of statements(dialect, names)) await session.query(statement);
      if (dialect !== 'mysql') return;
      const [version] = await session.query('SELECT version() AS version');
      // MySQL itself has none.
      if (!/mariadb/i.test(String(version?.['version']))) return;
      for (const name of SEQUENCES) await session.query(`CREATE SEQUENCE IF NOT EXISTS ${names.schema}${name}`);
    });
  }
  return { task, extended: await has(EXTENDED_COLUMNS.join(', '), task), nextId: await nextIdOf(dialect, names.schema, has) };
}

async function nextIdOf(
  dialect: SqlDialect,
  schema: string,
  has: (columns: string, table: string) => Promise<boolean>,
): Promise<string | undefined> {
  const sequence = `${schema}${SEQUENCES[0]}`;
  if (dialect === 'postgresql') return `nextval('${sequence.replaceAll("'", "''")}')`;
  return dialect === 'mysql' && (await has('next_not_cached_value', sequence)) ? `nextval(${sequence})` : undefined;
}
