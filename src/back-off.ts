/** How long to stay away from what has failed: longer each time, and not all at the same moment. */
export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
  /** How much longer each wait is than the one before. Default 2. */
  readonly factor?: number;
}

/** Up to a quarter more than that, so that a fleet does not knock all at once. */
const SPREAD = 0.25;

/** @param failures - How many there have been, from 1. */
export function backOffMs({ firstMs, longestMs, factor = 2 }: BackOff, failures: number, random: () => number = Math.random): number {
  return Math.round(Math.min(firstMs * factor ** (failures - 1), longestMs) * (1 + SPREAD * random()));
}
