/** Waits for results where the store cannot announce any: all that are awaited are looked at together, again and again. */
import { type Clock, systemClock, type TimerHandle } from '../clock.js';
import { encodeResultMeta, type ResultMeta } from '../protocol/result-meta.js';
import { isReady } from '../protocol/states.js';
import type { WaitOptions } from '../result-backend.js';
import { Waits } from './waits.js';

/** After news, and for who has just come. */
const SOON_MS = 20;
/** Celery's own `subpolling_interval` of its database. */
const LATEST_MS = 500;
const SLOWER = 1.4;
const MOST_AT_ONCE = 500;

export interface PollingOptions {
  readonly clock?: Clock;
  loadMany(taskIds: readonly string[]): Promise<readonly (ResultMeta | undefined)[]>;
}

export class PollingWaits {
  readonly #options: PollingOptions;
  readonly #clock: Clock;
  readonly #waits = new Waits({ began: () => this.#began(), ended: () => this.#ended() });
  #intervalMs = SOON_MS;
  #timer: TimerHandle | undefined;
  #looking = false;

  constructor(options: PollingOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  wait(taskId: string, { signal, onUpdate }: WaitOptions): Promise<ResultMeta> {
    const news = (meta: ResultMeta): void => {
      this.#intervalMs = SOON_MS;
      onUpdate?.(meta);
    };
    return this.#waits.wait(taskId, { onUpdate: news, ...(signal === undefined ? {} : { signal }) });
  }

  /** Ends all waits. */
  close(error: Error): void {
    this.#waits.failAll(error);
    this.#timer?.cancel();
  }

  #began(): void {
    this.#intervalMs = SOON_MS;
    this.#schedule(0);
  }

  #ended(): void {
    if (this.#waits.size === 0) this.#timer?.cancel();
  }

  #schedule(inMs: number): void {
    if (this.#looking) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => void this.#look(), inMs);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const ids = this.#waits.taskIds;
    try {
      for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
        const some = ids.slice(at, at + MOST_AT_ONCE);
        const metas = await this.#options.loadMany(some);
        for (const [index, id] of some.entries()) {
          const meta = metas[index];
          if (meta !== undefined) this.#waits.hear(id, meta, isReady(meta.status) ? '' : encodeResultMeta(meta));
        }
      }
    } catch (error) {
      this.#waits.failAll(error);
    }
    this.#looking = false;
    if (this.#waits.size === 0) return;
    this.#schedule(this.#intervalMs);
    this.#intervalMs = Math.min(this.#intervalMs * SLOWER, LATEST_MS);
  }
}
