/** Messages that nobody could or would run: a list for each queue. */
import { deadLettersKey } from '../../../brokers/redis/keys.js';
import type { DeadLetter } from '../../../estate/dead-letters.js';
import { messageIn } from '../../dead-letter-text.js';
import { escapeGlob } from '../../glob.js';
import { scanned } from '../scan.js';
import type { RedisStore } from '../store.js';
import { readRefusedItem } from './refused-item.js';

/** Messages may be large. */
const PAGE = 100;

export class RefusedMessages {
  readonly #store: RedisStore;
  readonly #prefix: string;

  constructor(store: RedisStore) {
    this.#store = store;
    this.#prefix = deadLettersKey(store.layout, '');
  }

  /** Queue by queue, newest first. */
  async *list(signal?: AbortSignal): AsyncGenerator<readonly DeadLetter[]> {
    const lists = new Set<string>();
    for await (const keys of this.#lists(signal)) for (const key of keys) lists.add(key);
    for (const list of [...lists].sort()) {
      for (let from = 0; ; from += PAGE) {
        signal?.throwIfAborted();
        const range = [list, String(from), String(from + PAGE - 1)];
        const items = (await this.#store.read((connection) => connection.call('lrange', range))) as string[];
        if (items.length > 0) yield items.map((item) => letterOf(list.slice(this.#prefix.length), item));
        if (items.length < PAGE) break;
      }
    }
  }

  async counts(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for await (const keys of this.#lists()) {
      const lengths = await this.#store.read((connection) => Promise.all(keys.map((key) => connection.call('llen', [key]))));
      for (const [index, key] of keys.entries()) counts.set(key.slice(this.#prefix.length), Number(lengths[index]));
    }
    return counts;
  }

  async remove({ queue, key: item }: DeadLetter): Promise<boolean> {
    return Number(await this.#store.write((connection) => connection.call('lrem', [this.#prefix + queue, '1', item]))) > 0;
  }

  #lists(signal?: AbortSignal): AsyncGenerator<readonly string[]> {
    const rest = ['MATCH', `${escapeGlob(this.#prefix)}*`, 'COUNT', '1000'];
    return scanned((cursor) => this.#store.read((connection) => connection.call('scan', [cursor, ...rest])), signal);
  }
}

function letterOf(queue: string, item: string): DeadLetter {
  const { reason, atMs, text } = readRefusedItem(item);
  return { kind: 'refused', key: item, queue, reason, note: undefined, atMs: atMs ?? 0, text, message: messageIn(text) };
}
