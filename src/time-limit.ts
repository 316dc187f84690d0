/**
 * How long somebody else may take to answer. Time in which this process itself stood still (a task that computes, a machine that
 * was suspended) does not count: the answer may be here and unread, and timers come before it.
 */
import type { Clock, TimerHandle } from './clock.js';

export type RunningLimit = Pick<TimerHandle, 'cancel'>;

const PARTS = 8;

/** Calls back when so much time has passed in which an answer would have been heard. */
export function timeLimit(clock: Clock, limitMs: number, over: () => void): RunningLimit {
  const partMs = limitMs / PARTS;
  let leftMs = limitMs;
  let sinceMs = clock.monotonicMs();
  let timer: TimerHandle;
  const wait = (): void => {
    timer = clock.setTimeout(look, Math.min(leftMs, partMs));
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
  return { cancel: () => timer.cancel() };
}

/** False when `limitMs` are over first, whoever needed them. A failure counts as done: there is nothing more to wait for. */
export function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  return isFirst(work, (over) => clock.setTimeout(over, limitMs));
}

/** The same for work that is somebody's answer: see {@link timeLimit}. */
export function answeredWithin(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> {
  return isFirst(work, (over) => timeLimit(clock, limitMs, over));
}

function isFirst(work: Promise<unknown>, limit: (over: () => void) => RunningLimit): Promise<boolean> {
  return new Promise((resolve) => {
    const running = limit(() => resolve(false));
    const done = (): void => {
      running.cancel();
      resolve(true);
    };
    work.then(done, done);
  });
}
