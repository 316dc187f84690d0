/**
 * How long somebody else may take to answer. Time in which this process itself stood still (a task that computes, a machine that
 * was suspended) does not count: the answer may be here and unread, and timers come before it.
 */
import type { Clock, TimerHandle } from './clock.js';

/** Drivers have limits of their own, which count every moment: they get so many times as long, and ours comes first. */
export const DRIVER_PATIENCE = 2;

const PARTS = 8;

/** Calls back when so much time has passed in which an answer would have been heard. */
export function timeLimit(clock: Clock, limitMs: number, over: () => void): TimerHandle {
  const partMs = limitMs / PARTS;
  let leftMs = limitMs;
  let sinceMs = clock.monotonicMs();
  let unrefed = false;
  let timer: TimerHandle;
  const wait = (): void => {
    timer = clock.setTimeout(look, Math.min(leftMs, partMs));
    if (unrefed) timer.unref();
  };
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    // A little late is every timer of a busy process.
    leftMs -= Math.min(nowMs - sinceMs, 2 * partMs);
    sinceMs = nowMs;
    // Fractions are left over by timers that come a little early.
    if (leftMs < 1) over();
    else wait();
  };
  wait();
  const handle: TimerHandle = {
    cancel: () => timer.cancel(),
    unref() {
      unrefed = true;
      timer.unref();
      return handle;
    },
  };
  return handle;
}

/** False when the time is over first. A failure counts as done: there is nothing more to wait for. */
export function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = timeLimit(clock, limitMs, () => resolve(false));
    const done = (): void => {
      timer.cancel();
      resolve(true);
    };
    work.then(done, done);
  });
}
