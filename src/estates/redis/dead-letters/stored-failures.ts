/** Results that say FAILURE, whoever stored them: for them the keys of results are looked through, since nothing lists them. */
import type { RedisConnection } from '../../../connections/redis.js';
import type { StoredFailure } from '../../../estate/dead-letters.js';
import { failureIn } from '../../dead-letter-text.js';
import { escapeGlob } from '../../glob.js';
import { scanned } from '../scan.js';
import type { RedisStore } from '../store.js';

const PAGE = 500;
/** Of a value that is larger than this only the beginning is read first: results may have megabytes, and most are no failures. */
const READ_FIRST = 65_536;
/** The state stands first in what Celery and ctq store. */
const OTHER_STATE = /^\{"status": ?"(?!FAILURE")[A-Z]+"/;

export class StoredFailures {
  readonly #store: RedisStore;

  constructor(store: RedisStore) {
    this.#store = store;
  }

  async *list(signal?: AbortSignal): AsyncGenerator<readonly StoredFailure[]> {
    const rest = ['MATCH', `${escapeGlob(this.#store.resultKeys.keyOf(''))}*`, 'COUNT', '1000'];
    const step = (cursor: string) => this.#store.read((connection) => connection.call('scan', [cursor, ...rest]));
    for await (const keys of scanned(step, signal)) {
      for (let from = 0; from < keys.length; from += PAGE) {
        const some = keys.slice(from, from + PAGE);
        const texts = await this.#store.read((connection) => Promise.all(some.map((key) => failureText(connection, key))));
        const found = texts.flatMap((text, index) => this.#failureOf(some[index] ?? '', text) ?? []);
        if (found.length > 0) yield found;
      }
    }
  }

  async find(taskId: string): Promise<StoredFailure | undefined> {
    const key = this.#store.resultKeys.keyOf(taskId);
    return this.#failureOf(key, await this.#store.read((connection) => connection.call('get', [key])));
  }

  #failureOf(key: string, text: unknown): StoredFailure | undefined {
    const taskId = this.#store.resultKeys.taskOf(key);
    return typeof text === 'string' && taskId !== undefined ? failureIn(taskId, text) : undefined;
  }
}

/** The document, unless its first words say that it is no failure; null for what is no string. */
async function failureText(connection: RedisConnection, key: string): Promise<string | null> {
  const start = (await connection.call('getrange', [key, '0', String(READ_FIRST - 1)]).catch(() => null)) as string | null;
  if (start === null || Buffer.byteLength(start) < READ_FIRST) return start;
  return OTHER_STATE.test(start) ? null : ((await connection.call('get', [key])) as string | null);
}
