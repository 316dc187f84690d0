/**
 * A rate limit as a line of places in time, one each interval: who wants to begin is given the next free places
 * near enough, and begins then. So a timer that wakes late costs no place, and workers that share a line need not
 * all run for the same one, as they would for a token (docs/decisions/0015).
 */
export interface SlotLine {
  /** The first free place, on whatever clock the line is kept. */
  nextMs: number;
}

export interface SlotWish {
  /** Between two places. */
  readonly intervalMs: number;
  /** At most so many. */
  readonly count: number;
  /** None later than this from now. */
  readonly aheadMs: number;
}

export interface SlotGrant {
  /** How long to wait for each place. */
  readonly waitsMs: readonly number[];
  /** How far the first free place is away. */
  readonly nextMs: number;
}

export function reserveSlots(line: SlotLine, { intervalMs, count, aheadMs }: SlotWish, nowMs: number): SlotGrant {
  // Never in the past: what was not begun in time is not made up for. Nor far away: then the limit was stricter before.
  let nextMs = Math.min(Math.max(line.nextMs, nowMs), nowMs + aheadMs + intervalMs);
  const waitsMs: number[] = [];
  while (waitsMs.length < count && nextMs - nowMs <= aheadMs) {
    waitsMs.push(nextMs - nowMs);
    nextMs += intervalMs;
  }
  line.nextMs = nextMs;
  return { waitsMs, nextMs: nextMs - nowMs };
}
