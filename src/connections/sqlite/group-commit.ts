/**
 * One transaction for everything that is written in one tick: publishes, claims, answers and results
 * travel together, so that a commit and its fsync are paid once and not per task. Each job waits for
 * the commit that carries it; nobody is told "done" before it is.
 */
import { setImmediate as nextTick, setTimeout as delay } from 'node:timers/promises';
import { faultPoint } from '../../fault-points.js';
import type { SqliteConnection } from '../sqlite.js';
import { failureKind } from './failure.js';

/** Rows in one transaction, about 10 ms: what the event loop and other processes may have to wait. */
const LARGEST_BATCH = 500;
/** Beyond it somebody has to be told that another program keeps the file. */
export const DEFAULT_PATIENCE_MS = 5_000;

export interface WriteOptions {
  /** How many rows it touches, roughly. */
  readonly weight?: number;
  /** Somebody may be waiting for what this writes: a message, a result. */
  readonly announce?: boolean;
  /** How long to wait while another program holds the lock; default 5 s. */
  readonly patienceMs?: number;
}

interface Job {
  readonly weight: number;
  readonly announce: boolean;
  readonly deadlineMs: number;
  /** May run more than once, when a commit fails: it changes the database and nothing else. */
  work(db: SqliteConnection): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface GroupCommitHooks {
  connect(): Promise<SqliteConnection>;
  /** The handle failed in a way that the next one may not. */
  lost(db: SqliteConnection): void;
  /** A commit that somebody may be waiting for. */
  announce(): void;
}

export class GroupCommit {
  readonly #hooks: GroupCommitHooks;
  readonly #queue: Job[] = [];
  #running: Promise<void> | undefined;

  constructor(hooks: GroupCommitHooks) {
    this.#hooks = hooks;
  }

  /** Runs `work` in the transaction of this tick; resolves with what it returned once that is committed. */
  write<T>(work: (db: SqliteConnection) => T, options: WriteOptions = {}): Promise<T> {
    const { weight = 1, announce = false, patienceMs = DEFAULT_PATIENCE_MS } = options;
    return new Promise<T>((resolve, reject) => {
      const deadlineMs = performance.now() + patienceMs;
      this.#queue.push({ weight, announce, deadlineMs, work, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is waiting to be written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        // Lets the tick end, so that all its jobs are here; and between two batches, lets others have the lock.
        await nextTick();
        await this.#commit(this.#nextBatch());
      }
    } finally {
      this.#running = undefined;
    }
  }

  #nextBatch(): Job[] {
    let count = 0;
    for (let weight = 0; count < this.#queue.length && weight < LARGEST_BATCH; count += 1) weight += this.#queue[count]?.weight ?? 0;
    return this.#queue.splice(0, count);
  }

  async #commit(batch: readonly Job[]): Promise<void> {
    let jobs = batch;
    for (let attempt = 0; ; attempt += 1) {
      let db: SqliteConnection | undefined;
      try {
        db = await this.#hooks.connect();
        const values = transact(db, jobs);
        jobs.forEach((job, index) => job.resolve(values[index]));
        if (jobs.some(({ announce }) => announce)) this.#hooks.announce();
        return;
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'busy') {
          jobs = rejectOverdue(jobs, error);
          if (jobs.length === 0) return;
          await backOff(attempt);
          continue;
        }
        if (kind === 'lost' && db !== undefined) this.#hooks.lost(db);
        // One value too large, or no room for a message where there is room for an acknowledgement.
        if (jobs.length > 1 && (kind === 'bug' || kind === 'too-big' || kind === 'full')) {
          for (const job of jobs) await this.#commit([job]);
        } else {
          for (const job of jobs) job.reject(error);
        }
        return;
      }
    }
  }
}

function transact(db: SqliteConnection, jobs: readonly Job[]): unknown[] {
  // IMMEDIATE: a transaction that begins by reading cannot wait for the lock when it comes to writing.
  db.run('BEGIN IMMEDIATE');
  faultPoint('sqlite.transaction.begun');
  try {
    const values = jobs.map((job) => job.work(db));
    faultPoint('sqlite.transaction.written');
    db.run('COMMIT');
    faultPoint('sqlite.transaction.committed');
    return values;
  } catch (error) {
    try {
      db.run('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself: disk full, I/O error.
    }
    throw error;
  }
}

function rejectOverdue(jobs: readonly Job[], error: unknown): readonly Job[] {
  const nowMs = performance.now();
  for (const job of jobs) if (job.deadlineMs <= nowMs) job.reject(error);
  return jobs.filter((job) => job.deadlineMs > nowMs);
}

/**
 * The lock was not free within SQLite's `busy_timeout`. Waiting there is cheap but unfair (alone it
 * stalled a writer for 180 to 1400 ms) and holds the event loop; so that one is short, and this is
 * what follows: turns of the loop, then pauses of random length.
 */
export async function backOff(attempt: number): Promise<void> {
  if (attempt < 4) await nextTick();
  else await delay(1 + Math.random() * Math.min(attempt, 20));
}
