import { expect, it } from 'vitest';
import { backOffMs } from '../../src/back-off.js';

const waits = (backOff: Parameters<typeof backOffMs>[0], random: () => number): number[] =>
  [1, 2, 3, 4, 2_000].map((failures) => backOffMs(backOff, failures, random));

it('waits longer after each failure, up to a bound', () => {
  expect(waits({ firstMs: 100, longestMs: 700 }, () => 0)).toEqual([100, 200, 400, 700, 700]);
  expect(waits({ firstMs: 100, longestMs: 1_000, factor: 10 }, () => 0)).toEqual([100, 1_000, 1_000, 1_000, 1_000]);
});

it('never waits less than that, and at most a quarter more', () => {
  expect(waits({ firstMs: 100, longestMs: 700 }, () => 1)).toEqual([125, 250, 500, 875, 875]);
});
