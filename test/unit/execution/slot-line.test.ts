import { describe, expect, it } from 'vitest';
import { reserveSlots } from '../../../src/execution/slot-line.js';

const wish = { intervalMs: 100, count: 10, aheadMs: 250 };

describe('a line of places', () => {
  it('gives the next places, one each interval and none too far ahead', () => {
    const line = { nextMs: 0 };
    expect(reserveSlots(line, wish, 5000)).toEqual({ waitsMs: [0, 100, 200], nextMs: 300 });
    expect(reserveSlots(line, wish, 5000)).toEqual({ waitsMs: [], nextMs: 300 });
    expect(reserveSlots(line, wish, 5100)).toEqual({ waitsMs: [200], nextMs: 300 });
  });

  it('makes up for nothing that was not begun in time', () => {
    const line = { nextMs: 0 };
    reserveSlots(line, { ...wish, count: 1 }, 0);
    expect(reserveSlots(line, wish, 60_000).waitsMs).toEqual([0, 100, 200]);
  });

  it('forgets a place that a stricter limit had put far away', () => {
    const line = { nextMs: 3_600_000 };
    expect(reserveSlots(line, wish, 0).nextMs).toBe(350);
  });
});
