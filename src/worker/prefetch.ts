/**
 * How many deliveries to hold at once. Celery reserves four times its slots, and short tasks wait behind
 * a long one while another worker is idle (RELIABILITY R15). Here, unless a multiplier is set: what can
 * run now, plus what recent speed says is done in a tenth of a second. Tiny tasks come in large
 * batches that way, and long ones are left to whoever has a free slot.
 */
import type { Clock } from '../clock.js';
import type { WorkerSettings } from './worker-parts.js';

/** Work that may be held ahead. */
const AHEAD_MS = 100;
/** Enough for several batches under way; more would only be memory, and restored after a crash. */
const MOST_AHEAD = 1_000;
/** Speed is measured over windows at least this long. */
const WINDOW_MS = 20;
/** What a task is taken to compute before anything is known: the first takes are small, and grow by themselves. */
const FIRST_BLOCK_MS = 10;
/** Of so much computing the latest counts: one pause among thousands of tiny runs says little of the next, one run of a second says all. */
const MEMORY_MS = 50;
/** Celery's multiplier 0: no limit. */
const NO_LIMIT = 2 ** 31 - 1;

/**
 * The multiplier that was asked for; undefined where none was. Celery 5.6's `worker_disable_prefetch` takes a message only when a slot is free:
 * with late acknowledgement, whose running tasks count as held, that is a multiplier of one.
 */
export function multiplierOf(
  given: number | undefined,
  { workerDisablePrefetch, workerPrefetchMultiplier }: Pick<WorkerSettings, 'workerDisablePrefetch' | 'workerPrefetchMultiplier'>,
): number | undefined {
  return workerDisablePrefetch ? 1 : (given ?? workerPrefetchMultiplier ?? undefined);
}

export class Prefetch {
  private readonly clock: Clock;
  private readonly multiplier: number | undefined;
  private windowStartMs: number;
  private ended = 0;
  private perMs = 0;
  /** What the latest runs computed, and how many they were; both fade with every run, by as much as it computed. */
  private computedMs = FIRST_BLOCK_MS;
  private runs = 1;

  /** @param multiplier - Celery's; undefined for the measured way. */
  constructor(clock: Clock, multiplier: number | undefined) {
    this.clock = clock;
    this.multiplier = multiplier;
    this.windowStartMs = clock.monotonicMs();
  }

  /** True when what is held ahead was our own idea, and may be given back when it turns out wrong. */
  get measured(): boolean {
    return this.multiplier === undefined;
  }

  /** So many more runs have ended. */
  noteEnded(count: number): void {
    this.ended += count;
  }

  /** One was put back into the broker until its time. That takes no slot and hardly time: a tenth of a run is enough to keep the broker busy. */
  noteParked(): void {
    this.ended += 0.1;
  }

  /** A run has kept the event loop, and with it all others that want to begin, for so long. */
  noteBlock(ms: number): void {
    const kept = Math.exp(-ms / MEMORY_MS);
    this.computedMs = this.computedMs * kept + ms;
    this.runs = this.runs * kept + 1;
  }

  /**
   * How many may wait here for their beginning: slots mean nothing to tasks that compute, for they run
   * one after the other however many there are.
   */
  get mostWaiting(): number {
    return this.measured ? Math.max(1, Math.floor((AHEAD_MS * this.runs) / this.computedMs)) : Number.POSITIVE_INFINITY;
  }

  /** How many deliveries to hold, for so many slots of which so many are taken. */
  count(slots: number, running: number): number {
    if (this.multiplier !== undefined) return this.multiplier === 0 ? NO_LIMIT : slots * this.multiplier;
    const elapsedMs = this.clock.monotonicMs() - this.windowStartMs;
    if (elapsedMs >= WINDOW_MS) {
      this.perMs = this.ended / elapsedMs;
      this.ended = 0;
      this.windowStartMs += elapsedMs;
    }
    return Math.min(slots + Math.min(MOST_AHEAD, Math.floor(this.perMs * AHEAD_MS)), running + this.mostWaiting);
  }
}
