import { describe, expect, it } from 'vitest';
import { Postponed } from '../../../src/worker/postponed.js';
import type { Request } from '../../../src/worker/request.js';
import { FakeClock } from '../../support/fake-clock.js';

function request(id: string, etaMs: number, bytes = 10): Request {
  return { id, etaMs, delivery: { message: { body: Buffer.alloc(bytes) } } } as unknown as Request;
}

const ids = (postponed: Postponed): string[] => postponed.waiting.map(({ id }) => id);

describe('what was put off', () => {
  it('is listed by its time until that has come', async () => {
    const clock = new FakeClock(0);
    const postponed = new Postponed(clock);
    for (const [id, etaMs] of [
      ['c', 300],
      ['a', 100],
      ['b', 200],
      ['b2', 200],
    ] as const)
      postponed.add(request(id, etaMs)); // prettier-ignore
    expect(ids(postponed)).toEqual(['a', 'b', 'b2', 'c']);
    await clock.advance(200);
    expect(ids(postponed)).toEqual(['c']);
    await clock.advance(1000);
    expect(ids(postponed)).toEqual([]);
  });

  it('is at most a thousand, the soonest, and never much memory', () => {
    const postponed = new Postponed(new FakeClock(0));
    for (let index = 2_000; index > 0; index--) postponed.add(request(String(index), index));
    expect(ids(postponed)).toEqual(Array.from({ length: 1_000 }, (_, index) => String(index + 1)));
    const large = new Postponed(new FakeClock(0));
    for (let index = 1; index <= 20; index++) large.add(request(String(index), index, 1024 * 1024));
    expect(ids(large)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });
});
