/** The wall clock, watched beside the one that nobody can set: who set it, and where to. */
import type { Clock } from '../clock.js';
import { LONGEST_GAP_MS } from './schedule-store.js';

/** A clock that is corrected by less, as clocks are, needs no words. */
export const CLOCK_TOLERANCE_MS = 60_000;

export class ClockWatch {
  readonly #clock: Clock;
  /** Wall minus monotonic: changes when somebody sets the clock. */
  #offsetMs: number;
  #leaptToMs = Number.NEGATIVE_INFINITY;
  #putBack = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
  }

  /** Where the clock was last put forward to; wall clock. What lies in the time that was leapt over was due for no beat, be it a year. */
  get leaptToMs(): number {
    return this.#leaptToMs;
  }

  /** The time, compared with that of the last look. */
  nowMs(): number {
    const nowMs = this.#clock.nowMs();
    const jumpMs = nowMs - this.#clock.monotonicMs() - this.#offsetMs;
    this.#offsetMs += jumpMs;
    if (jumpMs > LONGEST_GAP_MS) this.#leaptToMs = nowMs;
    if (jumpMs < -CLOCK_TOLERANCE_MS) this.#putBack = true;
    return nowMs;
  }

  /** Whether somebody put it back since this was asked last. */
  takePutBack(): boolean {
    const putBack = this.#putBack;
    this.#putBack = false;
    return putBack;
  }
}
