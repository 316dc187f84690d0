/**
 * How many deliveries to hold at once. Celery reserves four times its slots, and short tasks wait behind
 * a long one while another worker is idle (RELIABILITY R15). Here, unless a multiplier is set: what can
 * run now, plus what recent speed says is done in a tenth of a second. Tiny tasks come in large
 * batches that way, and long ones are left to whoever has a free slot.
 */
import type { Clock } from '../clock.js';

/** Work that may be held ahead. */
const AHEAD_MS = 100;
/** Enough for several batches under way; more would only be memory, and restored after a crash. */
const MOST_AHEAD = 1_000;
/** Speed is measured over windows at least this long. */
const WINDOW_MS = 20;
/** Celery's multiplier 0: no limit. */
const NO_LIMIT = 2 ** 31 - 1;

export class Prefetch {
  private readonly clock: Clock;
  private readonly multiplier: number | undefined;
  private windowStartMs: number;
  private ended = 0;
  private perMs = 0;

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
  note(count: number): void {
    this.ended += count;
  }

  /** How many deliveries to hold, for so many slots. */
  count(slots: number): number {
    if (this.multiplier !== undefined) return this.multiplier === 0 ? NO_LIMIT : slots * this.multiplier;
    const elapsedMs = this.clock.monotonicMs() - this.windowStartMs;
    if (elapsedMs >= WINDOW_MS) {
      this.perMs = this.ended / elapsedMs;
      this.ended = 0;
      this.windowStartMs += elapsedMs;
    }
    return slots + Math.min(MOST_AHEAD, Math.floor(this.perMs * AHEAD_MS));
  }
}
