/** What results in an SQL database need of one, whichever it is: statements, transactions, and a word for what goes wrong. */
import { ConfigError } from '../errors.js';
import { commonReason, ConnectionFailure, driverError } from './failure.js';

export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlSession {
  /** `?` stands for a value, whatever the database calls it. */
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

export type SqlDialect = 'sqlite' | 'postgresql' | 'mysql';

export interface SqlDatabase extends SqlSession {
  readonly dialect: SqlDialect;
  /** All of it, or nothing. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `unreachable` is also whoever does not answer just now: the same may be tried again. */
export class SqlFailure extends ConnectionFailure {
  readonly server = 'the database';
}

/** How long an attempt to connect may take. */
export const CONNECT_LIMIT_MS = 4_000;

const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_AGAIN|ENOENT|PROTOCOL_CONNECTION_LOST|PROTOCOL_ENQUEUE_AFTER)/;
/** PostgreSQL's own: connections (08), starting or stopping (57P), too many (53300), deadlock and serialization (40). */
const PASSING = /^(08\d\d\d|57P0\d|53300|40001|40P01|ER_CON_COUNT_ERROR|ER_LOCK_DEADLOCK|ER_LOCK_WAIT_TIMEOUT|ER_SERVER_SHUTDOWN)$/;
const REFUSED = /^(28\w\w\w|3D000|42501|ER_ACCESS_DENIED\w*|ER_DBACCESS_DENIED\w*|ER_BAD_DB_ERROR|ER_TABLEACCESS_DENIED\w*)$/;

/** Sorts what drivers and servers say. */
export function toSqlFailure(error: unknown): unknown {
  if (error instanceof SqlFailure || error instanceof ConfigError || !(error instanceof Error)) return error;
  const said = driverError(error);
  const common = commonReason(error, said);
  if (common !== undefined) return new SqlFailure(...common);
  const code = typeof said.code === 'string' ? said.code : '';
  const message = said.message === '' ? code : said.message;
  if (NETWORK.test(code) || PASSING.test(code)) return new SqlFailure('unreachable', message, { cause: error });
  if (
    /connection (terminated|ended|timeout|error)|not queryable|timeout (expired|exceeded)|Connection lost|Can't add new command|database is locked/i.test(
      message,
    )
  )
    return new SqlFailure('unreachable', message, { cause: error });
  if (REFUSED.test(code)) return new SqlFailure('refused', message, { cause: error });
  return code === '' ? error : new SqlFailure('failed', message, { cause: error });
}

/**
 * Loads a client that only its users install.
 *
 * @throws ConfigError when it is not there.
 */
export async function loadClient<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new ConfigError(`${what} needs the package ${name}, which is not installed`, { hint: `npm install ${name}`, cause: error });
  }
}
