import { describe, expect, it } from 'vitest';
import { answeredWithin, timeLimit, within } from '../../src/time-limit.js';
import { FakeClock } from '../support/fake-clock.js';

/** A clock whose process may stand still: what was due meanwhile comes when it goes on, all at once. */
function limited(limitMs: number) {
  const clock = new FakeClock();
  let over = 0;
  const handle = timeLimit(clock, limitMs, () => (over += 1));
  return { clock, handle, over: () => over };
}

describe('the time that a server has to answer', () => {
  it('is over when it is over, and once', async () => {
    const { clock, over } = limited(4_000);
    await clock.advance(3_990);
    expect(over()).toBe(0);
    await clock.advance(20);
    expect(over()).toBe(1);
    await clock.advance(20_000);
    expect(over()).toBe(1);
  });

  it('is over at once where there is none', async () => {
    const { clock, over } = limited(0);
    await clock.advance(1);
    expect(over()).toBe(1);
  });

  it('does not run while this process stands still, whenever that begins', async () => {
    for (const awakeMs of [0, 300, 2_100]) {
      const { clock, over } = limited(4_000);
      await clock.advance(awakeMs);
      clock.standStill(60_000);
      await clock.advance(1);
      expect(over()).toBe(0);
      await clock.advance(2_500 - awakeMs);
      expect(over()).toBe(0);
      await clock.advance(4_000);
      expect(over()).toBe(1);
    }
  });

  it('ends nothing after it was called off', async () => {
    const { clock, handle, over } = limited(1_000);
    await clock.advance(500);
    handle.cancel();
    await clock.advance(5_000);
    expect(over()).toBe(0);
  });
});

describe('work that has so long', () => {
  const never = new Promise<never>(() => {});

  it('is over in its time, with or without success', async () => {
    const clock = new FakeClock();
    for (const limited of [within, answeredWithin]) {
      expect(await limited(clock, 1_000, Promise.resolve())).toBe(true);
      expect(await limited(clock, 1_000, Promise.reject(new Error('no')))).toBe(true);
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('has no more when this process has stood still, but for somebody’s answer', async () => {
    const clock = new FakeClock();
    const ended: string[] = [];
    void within(clock, 4_000, never).then(() => ended.push('work'));
    void answeredWithin(clock, 4_000, never).then(() => ended.push('answer'));
    clock.standStill(60_000);
    await clock.advance(1);
    expect(ended).toEqual(['work']);
    await clock.advance(4_000);
    expect(ended).toEqual(['work', 'answer']);
  });
});
