/**
 * Waits for results: one subscriber connection for everybody who waits in this process. Subscribe
 * first, look then, so that nothing falls between; after a broken connection all are subscribed and
 * looked at again (WIRE 7.8).
 */
import type { Clock, TimerHandle } from '../clock.js';
import type { RedisConnection } from '../connections/redis.js';
import { type RedisFailure, toRedisFailure } from '../connections/redis-failure.js';
import { RedisLink } from '../connections/redis-link.js';
import type { RedisAddress } from '../connections/redis-url.js';

export interface RedisWaiterOptions {
  readonly addresses: readonly RedisAddress[];
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  /** The stored texts, in order; null where there is none. */
  readonly load: (keys: readonly string[]) => Promise<readonly (string | null)[]>;
}

/** Hears every text stored under a key, also the one that was there before. Must not throw. */
export interface KeyListener {
  stored(text: string): void;
  failed(failure: RedisFailure): void;
}

/** Pub/sub promises nothing, so every key is also looked at now and then; as often as a lost word may cost a waiter. */
const LOOK_INTERVAL_MS = 5_000;
const LOOK_BATCH = 1_000;

export class RedisWaiter {
  readonly #options: RedisWaiterOptions;
  readonly #listeners = new Map<string, Set<KeyListener>>();
  /** When a key was last announced, on a count of our own: what was looked up before is older news. */
  readonly #announced = new Map<string, number>();
  #count = 0;
  #link: RedisLink | undefined;
  #fresh: string[] = [];
  #gone: string[] = [];
  #flushScheduled = false;
  #timer: TimerHandle | undefined;
  #closed = false;

  constructor(options: RedisWaiterOptions) {
    this.#options = options;
  }

  /** @returns A function that stops listening. */
  listen(key: string, listener: KeyListener): () => void {
    const listeners = this.#listeners.get(key);
    if (listeners === undefined) {
      this.#listeners.set(key, new Set([listener]));
      this.#gone = this.#gone.filter((other) => other !== key);
    } else listeners.add(listener);
    // Also for a key that others wait for: this one has not been told what is there.
    this.#fresh.push(key);
    this.#scheduleFlush();
    return () => this.#unlisten(key, listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#link?.close();
  }

  #unlisten(key: string, listener: KeyListener): void {
    const listeners = this.#listeners.get(key);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(key);
    this.#announced.delete(key);
    this.#gone.push(key);
    this.#scheduleFlush();
  }

  /** Who begins to wait in one tick travels together. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#closed) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const gone = this.#gone.splice(0);
    const fresh = [...new Set(this.#fresh.splice(0))].filter((key) => this.#listeners.has(key));
    if (gone.length > 0) this.#link?.now?.call('unsubscribe', gone).catch(() => {});
    if (fresh.length === 0) return;
    this.#link ??= this.#newLink();
    this.#scheduleLook();
    try {
      const connection = await this.#link.connection();
      await connection.call('subscribe', fresh);
      await this.#look(fresh);
    } catch (error) {
      const failure = toRedisFailure(error);
      // The next connection subscribes and looks at everything by itself.
      if (failure.unanswered) return;
      for (const key of fresh) for (const listener of this.#listeners.get(key) ?? []) listener.failed(failure);
    }
  }

  #newLink(): RedisLink {
    const { addresses, clock, connectTimeoutMs } = this.#options;
    let first = true;
    return new RedisLink({
      addresses,
      clock,
      connectTimeoutMs,
      name: 'ctq results',
      observer: {
        prepare: (connection) => this.#subscribeAll(connection),
        up: () => {
          // What was announced while nobody listened.
          if (!first) this.#look([...this.#listeners.keys()]).catch(() => {});
          first = false;
        },
        message: (channel, payload) => {
          if (!this.#listeners.has(channel)) return;
          this.#announced.set(channel, ++this.#count);
          this.#hear(channel, payload);
        },
      },
    });
  }

  async #subscribeAll(connection: RedisConnection): Promise<void> {
    const keys = [...this.#listeners.keys()];
    if (keys.length > 0) await connection.call('subscribe', keys);
  }

  #scheduleLook(): void {
    this.#timer ??= this.#options.clock
      .setTimeout(() => {
        this.#timer = undefined;
        if (this.#listeners.size === 0) return;
        this.#look([...this.#listeners.keys()]).catch(() => {});
        this.#scheduleLook();
      }, LOOK_INTERVAL_MS)
      .unref();
  }

  async #look(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += LOOK_BATCH) {
      const some = keys.slice(start, start + LOOK_BATCH);
      const since = this.#count;
      const texts = await this.#options.load(some);
      for (const [index, key] of some.entries()) {
        const text = texts[index];
        const outdated = (this.#announced.get(key) ?? 0) > since;
        if (typeof text === 'string' && !outdated) this.#hear(key, text);
      }
    }
  }

  #hear(key: string, text: string): void {
    for (const listener of [...(this.#listeners.get(key) ?? [])]) listener.stored(text);
  }
}
