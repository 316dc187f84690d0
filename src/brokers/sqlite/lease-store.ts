/**
 * Leases in SQLite: an owner's beat is a number in its row. The lease covers everything the owner
 * holds, so a renewal is one row however much that is.
 *
 * Beats and take-overs are written with `synchronous=NORMAL`: after a power cut everybody is dead
 * anyway, and a fsync each second would wear the disk of an idle machine.
 */
import { failureKind } from '../../connections/sqlite/failure.js';
import { Bell } from '../../connections/sqlite/bell.js';
import { type FileIdentity, identityOf, isFile } from '../../connections/sqlite/file.js';
import { backOff } from '../../connections/sqlite/group-commit.js';
import { openSqliteDatabase } from '../../connections/sqlite/store.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { sweepChords } from '../../result-backends/sqlite/chords.js';
import { sweepResults } from '../../result-backends/sqlite/rows.js';
import type { Beat, Housekeeping, LeaseStore, OpenLeaseStore, Renewal } from '../lease-store.js';
import { pausedQueues, tellAbout } from './desk-tables.js';
import { nextDueAt, releaseDue } from './messages.js';
import { dismissOwner } from './owners.js';
import { dropAbandonedQueues } from './queues.js';

/** Short enough for a round to end before the next beat is due. */
const PATIENCE_MS = 800;
/** Rows in one transaction: other processes wait that long. */
const LARGEST_BATCH = 500;
const CLEAN_EVERY_MS = 1_000;

export const openSqliteLeaseStore: OpenLeaseStore = async ({ path }) => new SqliteLeaseStore(String(path));

export class SqliteLeaseStore implements LeaseStore {
  readonly #path: string;
  readonly #bell: Bell;
  #connection: SqliteConnection | undefined;
  #identity: FileIdentity | undefined;
  #nextCleanMs = 0;
  #told = '';

  constructor(path: string) {
    this.#path = path;
    this.#bell = new Bell(path);
  }

  /** The owner registers itself when it first takes: a row that is missing was taken over, or is not there yet. */
  async renew(ownerId: string): Promise<Renewal> {
    const renewed = await this.#use((db) => db.run('UPDATE owner SET beat = beat + 1 WHERE uuid = ?', ownerId));
    return { lost: [], forgotten: renewed === 0 };
  }

  exchange(ownerId: string, about: string): Promise<readonly string[]> {
    return this.#use((db) => {
      // One statement is a transaction of its own: most seconds nothing has changed, and nothing is written.
      if (about !== this.#told && db.get('SELECT 1 FROM owner WHERE uuid = ?', ownerId) !== undefined) {
        tellAbout(db, ownerId, about);
        this.#told = about;
      }
      return pausedQueues(db);
    });
  }

  beats(): Promise<ReadonlyMap<string, Beat>> {
    return this.#use(
      (db) => new Map(db.all<{ uuid: string; beat: number }>('SELECT uuid, beat FROM owner').map(({ uuid, beat }) => [uuid, beat])),
    );
  }

  async takeOver(ownerId: string, lastBeat: Beat): Promise<number> {
    const returned = await this.#transact((db) => {
      const dead = db.get<{ id: number }>('SELECT id FROM owner WHERE uuid = ? AND beat = ?', ownerId, lastBeat);
      return dead === undefined ? 0 : dismissOwner(db, dead.id, 'death');
    });
    if (returned > 0) this.#bell.ring();
    return returned;
  }

  async housekeep(): Promise<Housekeeping> {
    const nowMs = Date.now();
    const dueAt = await this.#use(nextDueAt);
    let restored = 0;
    if (dueAt !== undefined && dueAt <= nowMs) {
      restored = await this.#transact((db) => releaseDue(db, nowMs, LARGEST_BATCH));
      this.#bell.ring();
    }
    await this.#cleanNowAndThen(nowMs);
    const next = restored > 0 ? await this.#use(nextDueAt) : dueAt;
    return { restored, nextDueInMs: next === undefined ? undefined : Math.max(0, next - Date.now()) };
  }

  async close(): Promise<void> {
    this.#bell.close();
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #cleanNowAndThen(nowMs: number): Promise<void> {
    if (performance.now() < this.#nextCleanMs) return;
    this.#nextCleanMs = performance.now() + CLEAN_EVERY_MS;
    const something = await this.#use(
      (db) =>
        db.get(
          `SELECT 1 WHERE EXISTS (SELECT 1 FROM result WHERE expires_at IS NOT NULL AND expires_at <= ?1)
           OR EXISTS (SELECT 1 FROM queue WHERE expires_at <= ?1)
           OR EXISTS (SELECT 1 FROM chord WHERE expires_at IS NOT NULL AND expires_at <= ?1)
           OR EXISTS (SELECT 1 FROM task_group WHERE expires_at IS NOT NULL AND expires_at <= ?1)`,
          nowMs,
        ) !== undefined,
    );
    if (!something) return;
    await this.#transact((db) => {
      dropAbandonedQueues(db, nowMs);
      sweepResults(db, nowMs, LARGEST_BATCH);
      sweepChords(db, nowMs, LARGEST_BATCH);
    });
  }

  #transact<T>(work: (db: SqliteConnection) => T): Promise<T> {
    return this.#use((db) => {
      db.run('BEGIN IMMEDIATE');
      try {
        const value = work(db);
        db.run('COMMIT');
        return value;
      } catch (error) {
        try {
          db.run('ROLLBACK');
        } catch {
          // Rolled back already.
        }
        throw error;
      }
    });
  }

  /** A beat in a file that was deleted is heard by nobody. */
  async #connect(): Promise<SqliteConnection> {
    if (this.#identity !== undefined && !isFile(this.#path, this.#identity)) await this.close();
    if (this.#connection !== undefined) return this.#connection;
    this.#connection = await openSqliteDatabase({ path: this.#path, sync: 'normal' });
    this.#identity = identityOf(this.#path);
    return this.#connection;
  }

  /** A handle that failed is not used again: the next call opens the file anew. */
  async #use<T>(work: (db: SqliteConnection) => T): Promise<T> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return work(await this.#connect());
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'lost') await this.close();
        if (kind !== 'busy' || performance.now() > deadlineMs) throw error;
        await backOff(attempt);
      }
    }
  }
}
