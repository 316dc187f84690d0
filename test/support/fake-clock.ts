/**
 * A clock that stands still until a test moves it. Timers fire in order of their time, and what they
 * start with `await` has a chance to go on before the next one fires.
 */
import type { Clock, TimerHandle } from '../../src/clock.js';

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();

  constructor(start: Date | number = new Date('2026-01-02T03:04:05.000Z')) {
    this.#wallMs = typeof start === 'number' ? start : start.getTime();
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    const timer: PendingTimer = { dueMs: this.#monotonicMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    const handle: TimerHandle = { cancel: () => void this.#timers.delete(timer), unref: () => handle };
    return handle;
  }

  /** How many timers wait: 0 proves that somebody cleaned up. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Milliseconds until the next timer fires; undefined when none waits. */
  get nextTimerInMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.dueMs - this.#monotonicMs;
  }

  /** Lets time pass, firing what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await letPromisesRun();
    for (let timer = this.#next(); timer !== undefined && timer.dueMs <= endMs; timer = this.#next()) {
      // What came due while we stood still comes late.
      this.#moveTo(Math.max(timer.dueMs, this.#monotonicMs));
      this.#timers.delete(timer);
      timer.callback();
      await letPromisesRun();
    }
    this.#moveTo(endMs);
  }

  /** Lets time pass in which nothing of this process runs; what fell due comes with the next {@link advance}. */
  standStill(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms);
  }

  /** Sets the wall clock, as an administrator or NTP would; timers and `monotonicMs` do not notice. */
  jumpTo(wall: Date | number): void {
    this.#wallMs = typeof wall === 'number' ? wall : wall.getTime();
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #next(): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** Several turns of the event loop's check phase: enough for a chain of awaits without I/O. */
async function letPromisesRun(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
