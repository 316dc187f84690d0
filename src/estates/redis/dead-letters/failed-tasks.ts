/** Tasks that ran and failed: one hash of their messages, and when each failed. */
import { failedAtKey, failedKey } from '../../../brokers/redis/keys.js';
import type { DeadLetter } from '../../../estate/dead-letters.js';
import { failedLetter } from '../../dead-letter-text.js';
import type { RedisStore } from '../store.js';

/** Messages may be large. */
const PAGE = 100;

export class FailedTasks {
  readonly #store: RedisStore;
  readonly #records: string;
  readonly #times: string;

  constructor(store: RedisStore) {
    this.#store = store;
    [this.#records, this.#times] = [failedKey(store.layout), failedAtKey(store.layout)];
  }

  /** Newest first. */
  async *list(signal?: AbortSignal): AsyncGenerator<readonly DeadLetter[]> {
    for (let from = 0; ; from += PAGE) {
      signal?.throwIfAborted();
      const page = await this.#page(from);
      if (page.length === 0) return;
      yield page.flatMap(({ id, atMs, record }) => (typeof record === 'string' ? [letterOf(id, record, atMs)] : []));
      if (page.length < PAGE) return;
    }
  }

  async counts(sinceMs: number): Promise<{ readonly failed: number; readonly failedSince: number }> {
    const [all, since] = await this.#store.read((connection) =>
      Promise.all([connection.call('zcard', [this.#times]), connection.call('zcount', [this.#times, String(sinceMs), '+inf'])]),
    );
    return { failed: Number(all), failedSince: Number(since) };
  }

  find(taskId: string): Promise<DeadLetter | undefined> {
    return this.#store.read(async (connection) => {
      const [record, at] = await Promise.all([
        connection.call('hget', [this.#records, taskId]),
        connection.call('zscore', [this.#times, taskId]),
      ]);
      return typeof record === 'string' && typeof at === 'string' ? letterOf(taskId, record, Number(at)) : undefined;
    });
  }

  remove(taskId: string): Promise<boolean> {
    return this.#store.write(async (connection) => {
      const [gone] = await Promise.all([connection.call('hdel', [this.#records, taskId]), connection.call('zrem', [this.#times, taskId])]);
      return gone === 1;
    });
  }

  #page(from: number): Promise<readonly { readonly id: string; readonly atMs: number; readonly record: unknown }[]> {
    return this.#store.read(async (connection) => {
      const range = [this.#times, String(from), String(from + PAGE - 1), 'WITHSCORES'];
      const members = (await connection.call('zrevrange', range)) as string[];
      const ids = members.filter((_member, index) => index % 2 === 0);
      const records = ids.length === 0 ? [] : ((await connection.call('hmget', [this.#records, ...ids])) as (string | null)[]);
      return ids.map((id, index) => ({ id, atMs: Number(members[index * 2 + 1]), record: records[index] }));
    });
  }
}

function letterOf(id: string, record: string, atMs: number): DeadLetter {
  const end = record.indexOf('\n');
  return failedLetter(id, record.slice(0, Math.max(end, 0)), record.slice(end + 1), atMs);
}
