/** An estate in one file (docs/wire/sqlite.md): Celery's texts in our tables. */
import { maskUrl } from '../../config/masking.js';
import { toBrokerError } from '../../connections/sqlite/failure.js';
import { SqliteStore } from '../../connections/sqlite/store.js';
import { parseSqliteUrl } from '../../connections/sqlite/url.js';
import type { Estate, EstateOptions } from '../../estate/estate.js';
import { sqliteDeadLetterDesk } from './dead-letters/desk.js';
import { sqliteHealth } from './health.js';
import { sqliteKeyDesk } from './keys.js';
import { sqliteMessageDesk } from './messages.js';
import { sqliteQueueDesk } from './queues.js';
import type { SqliteReader } from './store.js';
import { sqliteTaskDesk } from './tasks.js';

/** @throws ConfigError for a URL that cannot be read. */
export function openSqliteEstate(url: string, options: EstateOptions): Estate {
  const file = SqliteStore.share(parseSqliteUrl(url, options.transportOptions));
  const displayUrl = maskUrl(url);
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw toBrokerError(error, file.path);
    });
  const store: SqliteReader = {
    read: (work) => told(file.read(work, options.connectTimeoutMs)),
    write: (work) => told(file.write(work, { patienceMs: options.connectTimeoutMs, announce: true })),
  };
  return {
    displayUrl,
    parts: options.parts,
    queues: sqliteQueueDesk(store),
    messages: sqliteMessageDesk(store),
    keys: sqliteKeyDesk(store),
    tasks: sqliteTaskDesk(store),
    deadLetters: sqliteDeadLetterDesk(store),
    health: () => sqliteHealth(store),
    close: async () => file.release(),
  };
}
