/**
 * Waits for results: one subscriber connection for everybody who waits in this process. Subscribe
 * first, look then, so that nothing falls between; after a broken connection all are subscribed and
 * looked at again (WIRE 7.8).
 */
import type { Clock, TimerHandle } from '../../clock.js';
import type { RedisConnection } from '../../connections/redis.js';
import { type RedisFailure, toRedisFailure } from '../../connections/redis/failure.js';
import { RedisLink } from '../../connections/redis/link.js';
import type { RedisAddress } from '../../connections/redis/url.js';
import type { ResultMeta } from '../../protocol/result-meta.js';
import type { WaitOptions } from '../../result-backend.js';
import { Waits } from '../waits.js';
import type { RedisResultKeys } from './keys.js';

export interface RedisWaitsOptions {
  readonly addresses: readonly RedisAddress[];
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly keys: RedisResultKeys;
  /** The stored texts, in order; null where there is none. */
  readonly load: (taskIds: readonly string[]) => Promise<readonly (string | null)[]>;
  readonly told: (failure: RedisFailure) => Error;
}

/** Pub/sub promises nothing, so every key is also looked at now and then; as often as a lost word may cost a waiter. */
const LOOK_INTERVAL_MS = 5_000;
const LOOK_BATCH = 1_000;

export class RedisWaits {
  readonly #options: RedisWaitsOptions;
  readonly #waits = new Waits({ began: (taskId) => this.#began(taskId), ended: (taskId) => this.#ended(taskId) });
  /** When a result was last announced, on a count of our own: what was looked up before is older news. */
  readonly #announced = new Map<string, number>();
  #count = 0;
  #link: RedisLink | undefined;
  #fresh: string[] = [];
  #gone: string[] = [];
  #flushScheduled = false;
  #timer: TimerHandle | undefined;
  #closed = false;

  constructor(options: RedisWaitsOptions) {
    this.#options = options;
  }

  wait(taskId: string, options: WaitOptions): Promise<ResultMeta> {
    return this.#waits.wait(taskId, options);
  }

  /** Ends all waits. */
  async close(error: Error): Promise<void> {
    this.#closed = true;
    this.#waits.failAll(error);
    this.#timer?.cancel();
    await this.#link?.close();
  }

  #began(taskId: string): void {
    this.#gone = this.#gone.filter((other) => other !== taskId);
    // Also one that others wait for: whoever has just come has not been told what is there.
    this.#fresh.push(taskId);
    this.#scheduleFlush();
  }

  #ended(taskId: string): void {
    this.#announced.delete(taskId);
    this.#gone.push(taskId);
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
    const fresh = [...new Set(this.#fresh.splice(0))].filter((taskId) => this.#waits.has(taskId));
    if (gone.length > 0) this.#link?.now?.call('unsubscribe', this.#channels(gone)).catch(() => {});
    if (fresh.length === 0) return;
    this.#link ??= this.#newLink();
    this.#scheduleLook();
    try {
      const connection = await this.#link.connection();
      await connection.call('subscribe', this.#channels(fresh));
      await this.#look(fresh);
    } catch (error) {
      const failure = toRedisFailure(error);
      // The next connection subscribes and looks at everything by itself.
      if (failure.unanswered) return;
      for (const taskId of fresh) this.#waits.fail(taskId, this.#options.told(failure));
    }
  }

  #newLink(): RedisLink {
    const { addresses, clock, connectTimeoutMs, keys } = this.#options;
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
          if (!first) this.#look(this.#waits.taskIds).catch(() => {});
          first = false;
        },
        message: (channel, payload) => {
          const taskId = keys.taskOf(channel);
          if (taskId === undefined || !this.#waits.has(taskId)) return;
          this.#announced.set(taskId, ++this.#count);
          this.#waits.hearText(taskId, payload);
        },
      },
    });
  }

  async #subscribeAll(connection: RedisConnection): Promise<void> {
    if (this.#waits.size > 0) await connection.call('subscribe', this.#channels(this.#waits.taskIds));
  }

  #channels(taskIds: readonly string[]): readonly string[] {
    return taskIds.map((taskId) => this.#options.keys.keyOf(taskId));
  }

  #scheduleLook(): void {
    this.#timer ??= this.#options.clock
      .setTimeout(() => {
        this.#timer = undefined;
        if (this.#waits.size === 0) return;
        this.#look(this.#waits.taskIds).catch(() => {});
        this.#scheduleLook();
      }, LOOK_INTERVAL_MS)
      .unref();
  }

  async #look(taskIds: readonly string[]): Promise<void> {
    for (let start = 0; start < taskIds.length; start += LOOK_BATCH) {
      const some = taskIds.slice(start, start + LOOK_BATCH);
      const since = this.#count;
      const texts = await this.#options.load(some);
      for (const [index, taskId] of some.entries()) {
        const text = texts[index];
        const outdated = (this.#announced.get(taskId) ?? 0) > since;
        if (typeof text === 'string' && !outdated) this.#waits.hearText(taskId, text);
      }
    }
  }
}
