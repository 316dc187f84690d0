/** Results in an SQL database, where Celery's `db+…://` backend keeps them (docs/result-backends.md). */
import { systemClock } from '../clock.js';
import { backendErrorOf } from '../connections/failure.js';
import { SqlFailure, type SqlDialect, type SqlSession } from '../connections/sql.js';
import { checkClient, LastingSql } from '../connections/sql/open.js';
import { parseSqlUrl, type SqlAddress } from '../connections/sql/url.js';
import { ResultBackendError } from '../errors.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { PollingWaits } from './polling-waits.js';
import { closeChords, SqlChords } from './sql/chords.js';
import { readRows, removeRows, type ResultRow, toRow, writeRows } from './sql/rows.js';
import { namesOf, prepareTables, type SqlNames, type SqlTables } from './sql/tables.js';

/** In one transaction. */
const MOST_ROWS = 200;
const MOST_READ = 500;
/** Expired results go while new ones come: this many at a time, after this many stores. */
const SWEEP_EVERY = 100;
const LARGEST_SWEEP = 200;

interface PendingRow {
  readonly row: ResultRow;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** @throws ConfigError for a URL that cannot be read, and when the client is not installed. */
export async function openSqlResultBackend(url: string, options: ResultBackendOptions): Promise<ResultBackend> {
  const address = parseSqlUrl(url);
  await checkClient(address);
  return new SqlResultBackend(address, options);
}

class SqlResultBackend implements ResultBackend {
  readonly displayUrl: string;
  readonly chords: SqlChords;
  readonly #dialect: SqlDialect;
  readonly #names: SqlNames;
  readonly #resultExpires: number;
  readonly #database: LastingSql;
  readonly #waits: PollingWaits;
  #tables: Promise<SqlTables> | undefined;
  #pending: PendingRow[] = [];
  #writing: Promise<void> | undefined;
  #storesUntilSweep = SWEEP_EVERY;
  #closed = false;

  constructor(address: SqlAddress, options: ResultBackendOptions) {
    this.displayUrl = address.displayUrl;
    this.#dialect = address.dialect;
    this.#names = namesOf(address.dialect, options.tables ?? {});
    this.#resultExpires = options.resultExpires ?? 0;
    this.#database = new LastingSql(address, options.connectTimeoutMs);
    this.#waits = new PollingWaits({ loadMany: (ids) => this.loadMany(ids) });
    this.chords = new SqlChords({
      transaction: (work) => this.#do(() => this.#database.transaction(work)),
      expiresAt: () => this.#expiresAt(),
      nowMs: () => systemClock.nowMs(),
    });
  }

  async store(meta: ResultMeta): Promise<void> {
    this.#mustBeOpen();
    const row = toRow(meta);
    return new Promise((resolve, reject) => {
      this.#pending.push({ row, resolve, reject });
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    return (await this.loadMany([taskId]))[0];
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    this.#mustBeOpen();
    const found = new Map<string, ResultMeta>();
    const ids = [...new Set(taskIds)];
    for (let at = 0; at < ids.length; at += MOST_READ) {
      const some = ids.slice(at, at + MOST_READ);
      const metas = await this.#do((tables) =>
        this.#database.do((database) => readRows(database, { dialect: this.#dialect, tables, ids: some, nowMs: systemClock.nowMs() })),
      );
      for (const [id, meta] of metas) found.set(id, meta);
    }
    return taskIds.map((id) => found.get(id));
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  forget(taskId: string): Promise<void> {
    return this.#do(({ task }) => this.#database.transaction((session) => removeRows(session, task, [taskId])));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#waits.close(this.#closedError());
    await this.#writing;
    await this.#database.close();
  }

  /** What is stored while a transaction is under way makes the next one. */
  async #write(): Promise<void> {
    // Whatever else is stored in this tick comes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MOST_ROWS);
      const rows = new Map<string, ResultRow>();
      for (const { row } of batch) if (rows.get(row.taskId)?.status !== 'SUCCESS') rows.set(row.taskId, row);
      try {
        const tables = await this.#prepared();
        const terms = { nowMs: systemClock.nowMs(), expiresAt: this.#expiresAt() };
        await this.#database.transaction((session) => writeRows(session, this.#dialect, tables, [...rows.values()], terms));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(this.#toError(error));
      }
      this.#storesUntilSweep -= batch.length;
      if (this.#storesUntilSweep <= 0) await this.#sweep().catch(() => {});
    }
  }

  async #sweep(): Promise<void> {
    this.#storesUntilSweep = SWEEP_EVERY;
    const nowMs = systemClock.nowMs();
    await this.#database.transaction(async (session) => {
      const expired = async (table: string, column: string): Promise<string[]> => {
        const sql = `SELECT ${column} AS id FROM ${table} WHERE expires_at <= ? LIMIT ${LARGEST_SWEEP}`;
        return (await session.query(sql, [nowMs])).map(({ id }) => String(id));
      };
      await removeRows(session, this.#names.task, await expired('ctq_taskmeta', 'task_id'));
      await closeChords(session, await expired('ctq_chord', 'group_id'));
      await session.query('DELETE FROM ctq_group WHERE expires_at <= ?', [nowMs]);
    });
  }

  #prepared(): Promise<SqlTables> {
    this.#tables ??= this.#prepare().catch((error: unknown) => {
      this.#tables = undefined;
      throw error;
    });
    return this.#tables;
  }

  #prepare(): Promise<SqlTables> {
    const look = <T>(work: (session: SqlSession) => Promise<T>): Promise<T> => this.#database.do((database) => work(database));
    return prepareTables(look, (work) => this.#database.transaction(work), this.#dialect, this.#names);
  }

  #expiresAt(): number | null {
    return this.#resultExpires > 0 ? systemClock.nowMs() + this.#resultExpires * 1000 : null;
  }

  async #do<T>(action: (tables: SqlTables) => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    try {
      return await action(await this.#prepared());
    } catch (error) {
      throw this.#toError(error);
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend at ${this.displayUrl} was closed`);
  }

  #toError(error: unknown): unknown {
    return error instanceof SqlFailure ? backendErrorOf(error, this.displayUrl) : error;
  }
}
