/** An SQLite file that Python's Celery uses, too. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../back-off.js';
import { systemClock } from '../../clock.js';
import { type SqlDatabase, SqlFailure, type SqlRow, type SqlSession, toSqlFailure } from '../sql.js';
import { loadSqliteDriver } from '../sqlite.js';

/** Waiting inside SQLite would stop the whole process, whoever in it holds the lock included: so it is tried again from here. */
const PATIENCE_MS = 2_000;
const RETRY: BackOff = { firstMs: 1, longestMs: 25 };

export async function openSqliteFile(path: string): Promise<SqlDatabase> {
  const { DatabaseSync } = await loadSqliteDriver();
  const file = resolve(path);
  // Made by nobody: a folder that is misspelt would be one more place with half of the results.
  if (!existsSync(dirname(file))) throw new SqlFailure('refused', `there is no folder ${dirname(file)}`);
  const database = opened(() => new DatabaseSync(file));
  database.exec('PRAGMA busy_timeout = 0');
  // Readers and a writer side by side, and a commit that waits for no disk. Python's side does not mind.
  await patiently(async () => database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL'));
  const session: SqlSession = {
    async query(sql, values = []) {
      try {
        return database.prepare(sql).all(...values) as SqlRow[];
      } catch (error) {
        throw toSqlFailure(error);
      }
    },
  };
  // One handle has one transaction.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  };
  return {
    dialect: 'sqlite',
    query: (sql, values) => inTurn(() => patiently(() => session.query(sql, values))),
    transaction: (work) =>
      inTurn(async () => {
        await patiently(() => session.query('BEGIN IMMEDIATE'));
        try {
          const result = await work(session);
          await session.query('COMMIT');
          return result;
        } catch (error) {
          await session.query('ROLLBACK').catch(() => {});
          throw error;
        }
      }),
    async close() {
      await inTurn(async () => database.close());
    },
  };
}

function opened<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw toSqlFailure(error);
  }
}

/** Until nobody else writes, or writing has lasted too long. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const deadlineMs = systemClock.monotonicMs() + PATIENCE_MS;
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      const locked = error instanceof Error && /database is locked/.test(error.message);
      if (!locked || systemClock.monotonicMs() > deadlineMs) throw toSqlFailure(error);
      await delay(backOffMs(RETRY, failures));
    }
  }
}
