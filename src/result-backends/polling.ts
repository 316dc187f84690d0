/** Waiting for results where the store cannot announce any: all that are awaited are looked at together, again and again. */
import { type Clock, systemClock, type TimerHandle } from '../clock.js';
import { encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { isReady } from '../protocol/states.js';
import type { WaitOptions } from '../result-backend.js';

/** After news, and for who has just come. */
const SOON_MS = 20;
/** Celery's own `subpolling_interval` of its database. */
const LATEST_MS = 500;
const SLOWER = 1.4;
const MOST_AT_ONCE = 500;

interface Waiter {
  readonly hear: (meta: ResultMeta) => void;
  readonly fail: (error: unknown) => void;
}

export interface PollingOptions {
  readonly clock?: Clock;
  loadMany(taskIds: readonly string[]): Promise<readonly (ResultMeta | undefined)[]>;
}

export class PollingWaits {
  readonly #options: PollingOptions;
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #intervalMs = SOON_MS;
  #timer: TimerHandle | undefined;
  #looking = false;

  constructor(options: PollingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  wait(taskId: string, { signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      let lastText: string | undefined;
      const end = (finish: () => void): void => {
        signal?.removeEventListener('abort', abort);
        const waiters = this.#waiters.get(taskId);
        waiters?.delete(waiter);
        if (waiters?.size === 0) this.#waiters.delete(taskId);
        if (this.#waiters.size === 0) this.#timer?.cancel();
        finish();
      };
      const abort = (): void => end(() => reject(signal?.reason as Error));
      const waiter: Waiter = {
        hear: (meta) => {
          if (isReady(meta.status)) return end(() => resolve(meta));
          const text = encodeResultMeta(meta);
          if (text === lastText) return;
          lastText = text;
          this.#intervalMs = SOON_MS;
          onUpdate?.(meta);
        },
        fail: (error) => end(() => reject(error)),
      };
      signal?.addEventListener('abort', abort, { once: true });
      const waiters = this.#waiters.get(taskId) ?? new Set();
      this.#waiters.set(taskId, waiters.add(waiter));
      this.#intervalMs = SOON_MS;
      this.#schedule(0);
    });
  }

  /** Ends all waits. */
  close(error: Error): void {
    this.#failAll(error);
    this.#timer?.cancel();
  }

  #schedule(inMs: number): void {
    if (this.#looking) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => void this.#look(), inMs);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const ids = [...this.#waiters.keys()];
    try {
      for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
        const some = ids.slice(at, at + MOST_AT_ONCE);
        const metas = await this.#options.loadMany(some);
        for (const [index, id] of some.entries()) {
          const meta = metas[index];
          if (meta !== undefined) for (const waiter of [...(this.#waiters.get(id) ?? [])]) waiter.hear(meta);
        }
      }
    } catch (error) {
      this.#failAll(error);
    }
    this.#looking = false;
    if (this.#waiters.size === 0) return;
    this.#schedule(this.#intervalMs);
    this.#intervalMs = Math.min(this.#intervalMs * SLOWER, LATEST_MS);
  }

  #failAll(error: unknown): void {
    // Each takes itself off the list.
    for (const some of [...this.#waiters.values()]) for (const waiter of [...some]) waiter.fail(error);
  }
}
