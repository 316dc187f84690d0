/**
 * One database file as this process uses it: one handle, one group commit, one bell. Broker and
 * result backend on the same file share it, which is what lets a result and its acknowledgement be
 * one transaction.
 */
import { SqliteConnection } from '../sqlite.js';
import { Bell } from './bell.js';
import { failureKind } from './failure.js';
import { type FileIdentity, isFile, prepareDatabaseFile } from './file.js';
import { backOff, DEFAULT_PATIENCE_MS, GroupCommit, type WriteOptions } from './group-commit.js';
import { ensureSchema } from './schema.js';
import type { SqliteLocation, SqliteSync } from './url.js';

/** The net under the bell: for file systems without watches, and rings that were missed. */
const LOOK_EVERY_MS = 250;
/** Without any watch the look is all there is. */
const LOOK_WITHOUT_BELL_EVERY_MS = 25;

export interface StoreListener {
  /** Something may have come: another process wrote, or this one announced. */
  changed(): void;
  /** The file was deleted or replaced: nothing that was in it is ours any more. */
  replaced(): void;
}

const shared = new Map<string, SqliteStore>();

export class SqliteStore {
  readonly path: string;
  #sync: SqliteSync | undefined;
  readonly #bell: Bell;
  readonly #commits: GroupCommit;
  readonly #listeners = new Set<StoreListener>();
  #connecting: Promise<SqliteConnection> | undefined;
  #connection: SqliteConnection | undefined;
  #identity: FileIdentity | undefined;
  #dataVersion = -1;
  #lookTimer: NodeJS.Timeout | undefined;
  #lookScheduled = false;
  #lastIdentityCheckMs = 0;
  #users = 1;

  constructor(location: SqliteLocation) {
    this.path = location.path;
    this.#sync = location.sync;
    this.#bell = new Bell(location.path);
    this.#commits = new GroupCommit({
      connect: () => this.#connect(),
      lost: (db) => this.#drop(db),
      announce: () => this.#announce(),
    });
  }

  /**
   * The store of this file in this process; each caller must {@link release} it. The first who says
   * something about durability decides it.
   */
  static share(location: SqliteLocation): SqliteStore {
    const known = shared.get(location.path);
    if (known === undefined) {
      const store = new SqliteStore(location);
      shared.set(location.path, store);
      return store;
    }
    known.#users += 1;
    if (known.#sync === undefined && location.sync !== undefined) {
      known.#sync = location.sync;
      if (known.#connection !== undefined) setSync(known.#connection, location.sync);
    }
    return known;
  }

  /** Joins the transaction of this tick. Rejects with SQLite's own error; see `failure.ts`. */
  write<T>(work: (db: SqliteConnection) => T, options?: WriteOptions): Promise<T> {
    return this.#commits.write(work, options);
  }

  /** Reads what is committed; never waits for writers. */
  async read<T>(work: (db: SqliteConnection) => T, patienceMs = DEFAULT_PATIENCE_MS): Promise<T> {
    const deadlineMs = performance.now() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      let db: SqliteConnection | undefined;
      try {
        db = await this.#connect();
        return work(db);
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'lost' && db !== undefined) this.#drop(db);
        if (kind !== 'busy' || performance.now() >= deadlineMs) throw error;
        await backOff(attempt);
      }
    }
  }

  /** Keeps the process alive until the returned function is called, as a socket would. */
  listen(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    this.#startListening();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopListening();
    };
  }

  /** Resolves when what was written before is committed and, for the last user, the file is closed. */
  async release(): Promise<void> {
    this.#users -= 1;
    await this.#commits.idle();
    if (this.#users > 0) return;
    if (shared.get(this.path) === this) shared.delete(this.path);
    this.#listeners.clear();
    this.#stopListening();
    this.#bell.close();
    const db = await this.#connecting?.catch(() => undefined);
    if (db !== undefined) this.#drop(db);
  }

  #connect(): Promise<SqliteConnection> {
    if (this.#connection !== undefined && !this.#wasReplaced()) return Promise.resolve(this.#connection);
    this.#connecting ??= this.#open().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #open(): Promise<SqliteConnection> {
    const identity = prepareDatabaseFile(this.path);
    const db = await openSqliteDatabase({ path: this.path, sync: this.#sync });
    this.#identity = identity;
    this.#dataVersion = -1;
    this.#connection = db;
    return db;
  }

  #drop(db: SqliteConnection): void {
    if (this.#connection !== db) return;
    this.#connection = undefined;
    this.#connecting = undefined;
    try {
      db.close();
    } catch {
      // It was of no more use anyway.
    }
  }

  /** A file that was deleted can still be written, and nobody would ever read it. */
  #wasReplaced(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#lastIdentityCheckMs < LOOK_EVERY_MS) return false;
    this.#lastIdentityCheckMs = nowMs;
    if (this.#identity !== undefined && isFile(this.path, this.#identity)) return false;
    if (this.#connection !== undefined) this.#drop(this.#connection);
    for (const listener of [...this.#listeners]) listener.replaced();
    return true;
  }

  #announce(): void {
    this.#bell.ring();
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener.changed();
  }

  #startListening(): void {
    if (this.#lookTimer !== undefined) return;
    this.#bell.listen(() => this.#scheduleLook());
    this.#lookTimer = setInterval(() => this.#slowLook(), this.#bell.listening ? LOOK_EVERY_MS : LOOK_WITHOUT_BELL_EVERY_MS);
  }

  #stopListening(): void {
    clearInterval(this.#lookTimer);
    this.#lookTimer = undefined;
    this.#bell.deafen();
  }

  /** A burst of rings is one look. */
  #scheduleLook(): void {
    if (this.#lookScheduled) return;
    this.#lookScheduled = true;
    setImmediate(() => {
      this.#lookScheduled = false;
      this.#look();
    });
  }

  #slowLook(): void {
    // Without a handle only asking again can tell.
    if (this.#connection === undefined) return this.#notify();
    if (this.#wasReplaced()) return;
    if (this.#bell.listening && !this.#bell.isOurs()) {
      this.#bell.close();
      this.#bell.listen(() => this.#scheduleLook());
    }
    this.#look();
  }

  /** The version changes when another connection has committed; our own commits are announced without it. */
  #look(): void {
    const db = this.#connection;
    if (db === undefined || this.#listeners.size === 0) return;
    try {
      const { data_version: version } = db.get<{ data_version: number }>('PRAGMA data_version') ?? { data_version: -1 };
      if (version === this.#dataVersion) return;
      this.#dataVersion = version;
    } catch (error) {
      if (failureKind(error) === 'lost') this.#drop(db);
    }
    this.#notify();
  }
}

function setSync(db: SqliteConnection, sync: SqliteSync | undefined): void {
  db.exec(`PRAGMA synchronous = ${sync === 'normal' ? 'NORMAL' : 'FULL'}`);
}

function configure(db: SqliteConnection, sync: SqliteSync | undefined): void {
  // In SQLite as long as one of our own transactions may take, beyond that in `backOff`: SQLite waits with the event loop held.
  db.exec('PRAGMA busy_timeout = 10');
  db.get('PRAGMA journal_mode = WAL');
  setSync(db, sync);
  // 8 MB of log before it is written back: 10 % more tasks/s than the default of 4 MB; 16 MB doubled the longest pause to 50 ms.
  db.exec('PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864');
  db.exec('PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF');
}

/** A handle of one's own, prepared like the shared one: for the lease thread. */
export async function openSqliteDatabase({ path, sync }: SqliteLocation): Promise<SqliteConnection> {
  prepareDatabaseFile(path);
  const db = await SqliteConnection.open(path);
  try {
    configure(db, sync);
    ensureSchema(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
