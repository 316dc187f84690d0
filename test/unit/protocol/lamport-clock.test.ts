import { describe, expect, it } from 'vitest';
import { LamportClock } from '../../../src/protocol/lamport-clock.js';

describe('a Lamport clock', () => {
  it('counts what is sent', () => {
    const clock = new LamportClock();
    expect([clock.forward(), clock.forward(), clock.value]).toEqual([1, 2, 2]);
  });

  it('stands after what arrived, and after itself', () => {
    const clock = new LamportClock(10);
    expect(clock.adjust(40)).toBe(41);
    expect(clock.adjust(3)).toBe(42);
  });

  it.each([undefined, null, '99', 1.5, -7, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 10n, {}])('takes %s as one step', (other) => {
    const clock = new LamportClock(5);
    expect(clock.adjust(other)).toBe(6);
  });
});
