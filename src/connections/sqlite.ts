/**
 * The only file that knows an SQLite driver. Both speak the API of `node:sqlite`: the built-in one
 * where its SQLite is sound, else `@photostructure/sqlite`.
 *
 * Sound means free of the WAL-reset race of 3.7.0 to 3.51.2, which can lose committed writes when
 * several processes write and checkpoint one file: exactly what this broker does. Fixed in 3.51.3 and
 * in 3.50.7 and 3.44.6 of the older lines; 3.52.0 was withdrawn.
 */
import { BrokerError } from '../errors.js';

export type SqliteValue = string | number | bigint | Uint8Array | null;

interface DriverStatement {
  run(...values: readonly SqliteValue[]): { readonly changes: number | bigint };
  get(...values: readonly SqliteValue[]): unknown;
  all(...values: readonly SqliteValue[]): unknown[];
}

interface DriverDatabase {
  prepare(sql: string): DriverStatement;
  exec(sql: string): void;
  close(): void;
}

interface Driver {
  readonly name: string;
  readonly sqliteVersion: string;
  readonly DatabaseSync: new (path: string) => DriverDatabase;
}

type DriverModule = Pick<Driver, 'DatabaseSync'>;

/** Whether several processes may share a file with this version of SQLite. */
export function isSoundSqlite(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major !== 3) return major > 3;
  if (minor === 44) return patch >= 6;
  if (minor === 50) return patch >= 7;
  if (minor === 51) return patch >= 3;
  return minor > 52;
}

let loading: Promise<Driver> | undefined;

/**
 * Finds the driver; once for all connections of a thread.
 *
 * @throws BrokerError `CTQ_BROKER_UNSUPPORTED` when there is none that is sound.
 */
export function loadSqliteDriver(): Promise<Driver> {
  loading ??= findDriver();
  return loading;
}

async function findDriver(): Promise<Driver> {
  const tried: string[] = [];
  for (const [name, load] of [
    ['node:sqlite', loadBuiltIn],
    ['@photostructure/sqlite', async () => (await import('@photostructure/sqlite')) as unknown as DriverModule],
  ] as const) {
    try {
      const driver = await load();
      if (driver === undefined) continue;
      const sqliteVersion = versionOf(driver);
      if (isSoundSqlite(sqliteVersion)) return { name, sqliteVersion, DatabaseSync: driver.DatabaseSync };
      tried.push(`${name} has SQLite ${sqliteVersion}, which can lose writes of several processes`);
    } catch (error) {
      tried.push(`${name}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`);
    }
  }
  throw new BrokerError('CTQ_BROKER_UNSUPPORTED', `the embedded broker needs an SQLite driver: ${tried.join('; ')}`, {
    hint: 'run "npm install @photostructure/sqlite", or use another broker: --broker redis://localhost',
  });
}

/** Node 22 prints an ExperimentalWarning when the module is loaded; it would stand in every user's output. */
function loadBuiltIn(): DriverModule | undefined {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:sqlite') as DriverModule | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function versionOf({ DatabaseSync }: DriverModule): string {
  const database = new DatabaseSync(':memory:');
  try {
    return (database.prepare('SELECT sqlite_version() AS version').get() as { version: string }).version;
  } finally {
    database.close();
  }
}

/** One handle. Statements are prepared once and kept with it. */
export class SqliteConnection {
  readonly path: string;
  /**
   * Held for as long as the statements are: in @photostructure/sqlite 1.2.1 a statement does not keep
   * its database alive, and throws "Database connection is closed" after a garbage collection.
   */
  readonly #database: DriverDatabase;
  readonly #statements = new Map<string, DriverStatement>();

  constructor(path: string, database: DriverDatabase) {
    this.path = path;
    this.#database = database;
  }

  /** Opens the file without touching it yet. The caller has made sure that it exists (see `sqlite/file.ts`). */
  static async open(path: string): Promise<SqliteConnection> {
    const { DatabaseSync } = await loadSqliteDriver();
    return new SqliteConnection(path, new DatabaseSync(path));
  }

  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, ...values: readonly SqliteValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  get<Row>(sql: string, ...values: readonly SqliteValue[]): Row | undefined {
    return (this.#statement(sql).get(...values) ?? undefined) as Row | undefined;
  }

  all<Row>(sql: string, ...values: readonly SqliteValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Several statements, or those that cannot be prepared ahead. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  close(): void {
    // @photostructure/sqlite 1.2.1 does not finalise statements here and offers no way to: the file is let go when the
    // garbage collector finds them, and its log stays beside it when the process ends first. Neither does harm.
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): DriverStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
