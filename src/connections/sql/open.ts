/** Opens a database by its URL; connects with the first statement, and again for as long as it may take. */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackOff, backOffMs } from '../../back-off.js';
import { systemClock } from '../../clock.js';
import { type SqlDatabase, SqlFailure, type SqlSession } from '../sql.js';
import type { SqlAddress } from './url.js';

const RETRY: BackOff = { firstMs: 100, longestMs: 1_000 };

/** A database that outlives its connections. What is asked of it may be done twice. */
export class LastingSql {
  readonly #address: SqlAddress;
  readonly #patienceMs: number;
  readonly #end = new AbortController();
  #opening: Promise<SqlDatabase> | undefined;

  constructor(address: SqlAddress, patienceMs: number) {
    // All that wait for the server listen.
    setMaxListeners(0, this.#end.signal);
    this.#address = address;
    this.#patienceMs = patienceMs;
  }

  async do<T>(work: (database: SqlDatabase) => Promise<T>): Promise<T> {
    const deadlineMs = systemClock.monotonicMs() + this.#patienceMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#opening ??= open(this.#address);
        return await work(await this.#opening);
      } catch (error) {
        const again = error instanceof SqlFailure && error.kind === 'unreachable' && !this.#end.signal.aborted;
        const waitMs = backOffMs(RETRY, attempt);
        if (!again || systemClock.monotonicMs() + waitMs > deadlineMs) throw error;
        await delay(waitMs, undefined, { signal: this.#end.signal }).catch(() => {});
      }
    }
  }

  transaction<T>(work: (session: SqlSession, dialect: SqlDatabase['dialect']) => Promise<T>): Promise<T> {
    return this.do((database) => database.transaction((session) => work(session, database.dialect)));
  }

  async close(): Promise<void> {
    this.#end.abort();
    await (await this.#opening?.catch(() => undefined))?.close().catch(() => {});
  }
}

/**
 * Whether the database can be spoken to at all: told before the first task runs, and not after it, when its result has no place.
 *
 * @throws ConfigError when its client is not installed.
 */
export async function checkClient({ dialect }: SqlAddress): Promise<void> {
  if (dialect === 'postgresql') await (await import('./postgresql.js')).loadPostgresql();
  if (dialect === 'mysql') await (await import('./mysql.js')).loadMysql();
}

async function open({ dialect, target }: SqlAddress): Promise<SqlDatabase> {
  switch (dialect) {
    case 'postgresql':
      return (await import('./postgresql.js')).openPostgresql(target);
    case 'mysql':
      return (await import('./mysql.js')).openMysql(target);
    case 'sqlite':
      return (await import('./sqlite-file.js')).openSqliteFile(target);
    default:
      return dialect satisfies never;
  }
}
