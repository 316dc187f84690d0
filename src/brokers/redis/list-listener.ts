/** Reads a reply queue: bound while somebody listens, emptied without acknowledgement, removed afterwards (WIRE 10.3). */
import type { RedisConnection } from '../../connections/redis.js';
import { Bell } from './bell.js';
import { bindingMember } from './bindings.js';
import { type ListenerParts, readMessage } from './fanout.js';
import { bindingKey, queueLists } from './keys.js';
import { drainScript } from './scripts.js';

export class ListListener {
  readonly #parts: ListenerParts;
  readonly #bell: Bell;
  readonly #lists: readonly string[];
  readonly #binding: readonly [key: string, member: string];
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;
  /** The connection over which the binding was last seen to be there. */
  #boundBy: RedisConnection | undefined;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const { layout, queue } = parts;
    this.#lists = queueLists(layout, queue.name);
    this.#binding = [bindingKey(layout, queue.exchange.name), bindingMember(layout, queue)];
    this.#bell = new Bell(parts.switchboard, {
      clock: parts.clock,
      pollingIntervalMs: layout.pollingIntervalMs,
      ring: () => this.#read(),
    });
  }

  async start(): Promise<void> {
    await this.#bind(await this.#parts.link.connection());
    this.#read();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#bell.close();
    const connection = this.#parts.link.now;
    // Without a connection the reading waits for one, perhaps for ever.
    if (connection !== undefined) await this.#reading;
    await connection?.call('srem', this.#binding).catch(() => {});
    await connection?.call('del', this.#lists).catch(() => {});
  }

  #read(): void {
    if (this.#closed) return;
    if (this.#reading !== undefined) {
      this.#again = true;
      return;
    }
    this.#reading = this.#readOnce().finally(() => {
      this.#reading = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.#read();
    });
  }

  async #readOnce(): Promise<void> {
    try {
      const connection = await this.#parts.link.connection();
      if (this.#boundBy !== connection) await this.#bind(connection);
      const texts = (await connection.run(drainScript, this.#lists, ['messages'])) as readonly string[];
      for (const text of texts) {
        const message = readMessage(text);
        if (message !== undefined && !this.#closed) this.#parts.onMessage(message);
      }
      if (!this.#closed) await this.#bell.arm(connection, this.#lists);
    } catch {
      // The link comes back by itself; then the bindings are made again and what waits is read.
      if (!this.#closed) this.#parts.clock.setTimeout(() => this.#read(), this.#parts.layout.pollingIntervalMs).unref();
    }
  }

  async #bind(connection: RedisConnection): Promise<void> {
    if (this.#parts.queue.exchange.name !== '') await connection.call('sadd', this.#binding);
    this.#boundBy = connection;
  }
}
