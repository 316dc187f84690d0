/** A stop does not wait longer for a server that is away. */
import type { Clock, TimerHandle } from '../../clock.js';

const LIMIT_MS = 2_000;

export async function inTime(work: Promise<unknown> | undefined, clock: Clock): Promise<void> {
  let timer: TimerHandle | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, LIMIT_MS);
  });
  await Promise.race([work, limit]);
  timer?.cancel();
}
