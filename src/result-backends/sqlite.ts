/** Results in an SQLite file: the broker's own, or another one. */
import { toResultBackendError } from '../connections/sqlite/failure.js';
import { SqliteStore } from '../connections/sqlite/store.js';
import { parseSqliteUrl } from '../connections/sqlite/url.js';
import type { SqliteConnection } from '../connections/sqlite.js';
import { ResultBackendError } from '../errors.js';
import { decodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import type { ResultBackend, ResultBackendOptions, WaitOptions } from '../result-backend.js';
import { SqliteChords } from './sqlite/chords.js';
import { expiryOf, forgetResult, loadResult, storeResult, sweepResults, toRow } from './sqlite/rows.js';
import { SqliteWaits } from './sqlite/waits.js';

/** Expired results go while new ones come: this many at a time, after this many stores. */
const SWEEP_EVERY = 100;
const LARGEST_SWEEP = 200;

/** Opens the backend; the file is opened by the first call. */
export async function openSqliteResultBackend(url: string, options: ResultBackendOptions): Promise<SqliteResultBackend> {
  return new SqliteResultBackend(SqliteStore.share(parseSqliteUrl(url, options.transportOptions)), url, options);
}

export class SqliteResultBackend implements ResultBackend {
  readonly displayUrl: string;
  /** Seconds; 0 or null keeps results for ever. */
  readonly resultExpires: number | null;
  /** For a broker that asks whether it has the same one. */
  readonly file: SqliteStore;
  readonly chords: SqliteChords;
  readonly #waits: SqliteWaits;
  readonly #patienceMs: number;
  #storesUntilSweep = SWEEP_EVERY;
  #closing: Promise<void> | undefined;

  constructor(file: SqliteStore, url: string, options: ResultBackendOptions) {
    this.file = file;
    this.displayUrl = url;
    this.resultExpires = options.resultExpires;
    this.#patienceMs = options.connectTimeoutMs;
    this.#waits = new SqliteWaits(file);
    this.chords = new SqliteChords({
      resultExpires: options.resultExpires,
      write: (work) => this.#write(work),
      read: (work) => this.#read(work),
    });
  }

  async store(meta: ResultMeta): Promise<void> {
    const row = toRow(meta);
    await this.#write((db) => {
      const nowMs = Date.now();
      storeResult(db, row, expiryOf(this.resultExpires, nowMs), nowMs);
    });
    this.#sweepNowAndThen();
  }

  async load(taskId: string): Promise<ResultMeta | undefined> {
    return (await this.loadMany([taskId]))[0];
  }

  async loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]> {
    const nowMs = Date.now();
    const texts = await this.#read((db) => taskIds.map((taskId) => loadResult(db, taskId, nowMs)));
    return texts.map((text, index) => (text === undefined ? undefined : decodeResultMeta(text, taskIds[index] ?? '')));
  }

  async wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    this.#mustBeOpen();
    return this.#waits.wait(taskId, options);
  }

  async forget(taskId: string): Promise<void> {
    await this.#write((db) => forgetResult(db, taskId));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#waits.close(this.#closedError());
    await this.file.release();
  }

  async #write<T>(work: (db: SqliteConnection) => T): Promise<T> {
    this.#mustBeOpen();
    try {
      return await this.file.write(work, { announce: true, patienceMs: this.#patienceMs });
    } catch (error) {
      throw toResultBackendError(error, this.file.path);
    }
  }

  async #read<T>(work: (db: SqliteConnection) => T): Promise<T> {
    this.#mustBeOpen();
    try {
      return await this.file.read(work, this.#patienceMs);
    } catch (error) {
      throw toResultBackendError(error, this.file.path);
    }
  }

  /** A worker's lease thread sweeps too; this is for files that only results live in. */
  #sweepNowAndThen(): void {
    this.#storesUntilSweep -= 1;
    if (this.#storesUntilSweep > 0) return;
    this.#storesUntilSweep = SWEEP_EVERY;
    this.file.write((db) => sweepResults(db, Date.now(), LARGEST_SWEEP), { weight: LARGEST_SWEEP, patienceMs: 0 }).catch(() => {});
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw this.#closedError();
  }

  #closedError(): ResultBackendError {
    return new ResultBackendError(`the result backend ${this.displayUrl} was closed`);
  }
}
