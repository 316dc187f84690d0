import { describe, expect, it } from 'vitest';
import { TimeLimits } from '../../../src/execution/time-limits.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp() {
  const clock = new FakeClock();
  const limits = new TimeLimits(clock);
  const fired: string[] = [];
  const arm = (name: string, limitMs: number) => limits.arm(limitMs, () => fired.push(`${name}@${clock.monotonicMs()}`));
  return { clock, limits, fired, arm };
}

describe('TimeLimits', () => {
  it('fires each deadline once, when its time is over', async () => {
    const { clock, fired, arm } = setUp();
    arm('a', 100);
    await clock.advance(50);
    arm('b', 100);
    arm('c', 20);
    await clock.advance(1000);
    expect(fired).toEqual(['c@70', 'a@100', 'b@150']);
  });

  it('does not fire what was released, first, middle or last of its list', async () => {
    const { clock, fired, arm } = setUp();
    const deadlines = ['a', 'b', 'c', 'd', 'e'].map((name) => arm(name, 100));
    for (const index of [0, 2, 4]) deadlines[index]?.release();
    deadlines[2]?.release();
    await clock.advance(100);
    expect(fired).toEqual(['b@100', 'd@100']);
  });

  it('counts from the time the run began, not from when it was armed', async () => {
    const { clock, limits, fired } = setUp();
    await clock.advance(500);
    limits.arm(100, () => fired.push(`late@${clock.monotonicMs()}`), 450);
    await clock.advance(49);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(['late@550']);
  });

  it('keeps one timer for all, and none when nothing is armed', async () => {
    const { clock, arm } = setUp();
    for (let index = 0; index < 1000; index++) arm(String(index), 100 + (index % 3));
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(200);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets an expiring deadline arm another', async () => {
    const { clock, limits, fired, arm } = setUp();
    limits.arm(10, () => arm('second', 5));
    await clock.advance(30);
    expect(fired).toEqual(['second@15']);
  });
});
