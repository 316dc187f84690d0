/**
 * For promises that have to do with time, on a machine that stands still for seconds now and then.
 *
 * What can only be seen while little time passes: a lease of four seconds is still ours, a result that expires in one is there. When
 * the machine stood still meanwhile the time is over, and what is seen then says nothing.
 */

const MOST_TIMES = 5;

/**
 * Makes an experiment again when it failed and had taken longer than `limitMs`. What fails in time has failed.
 *
 * @param experiment - Told which time it is, from 1. One that lasts longer says at each of its steps that it goes on, and none of them may
 *   take longer than `limitMs`.
 */
export async function undisturbed<T>(limitMs: number, experiment: (time: number, goesOn: () => void) => Promise<T>): Promise<T> {
  for (let time = 1; ; time += 1) {
    let [sinceMs, longestMs] = [performance.now(), 0];
    const goesOn = (): void => {
      const nowMs = performance.now();
      [sinceMs, longestMs] = [nowMs, Math.max(longestMs, nowMs - sinceMs)];
    };
    try {
      return await experiment(time, goesOn);
    } catch (error) {
      goesOn();
      if (longestMs <= limitMs || time === MOST_TIMES) throw error;
    }
  }
}

/**
 * How long something takes where nobody is in its way: the quickest of some, or the first that is within `limitMs`. For promises of a
 * time, on a machine where anything may take seconds longer once.
 *
 * @param attempt - Says how many milliseconds it took.
 */
export async function quickest(limitMs: number, attempt: () => Promise<number>): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let time = 1; time <= MOST_TIMES && bestMs >= limitMs; time += 1) bestMs = Math.min(bestMs, await attempt());
  return bestMs;
}

/** How many milliseconds of computing something takes: what has to wait for a core computes nothing meanwhile. */
export function computingMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
