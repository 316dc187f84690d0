/**
 * Time, injected everywhere so that tests can hold it. `nowMs` is for storing and comparing with
 * dates; `monotonicMs` is for measuring and never jumps.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
}

export interface TimerHandle {
  cancel(): void;
  /** Lets the process end although the timer is pending. */
  unref(): TimerHandle;
}

/** Node's setTimeout fires at once above 2^31-1 ms; longer waits are cut and continued. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout(callback, delayMs) {
    let timer: NodeJS.Timeout;
    let unrefed = false;
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(remainingMs, 0), LONGEST_TIMEOUT_MS);
      timer = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs);
      if (unrefed) timer.unref();
    };
    arm(delayMs);
    const handle: TimerHandle = {
      cancel: () => clearTimeout(timer),
      unref: () => {
        unrefed = true;
        timer.unref();
        return handle;
      },
    };
    return handle;
  },
};
