import { describe, expect, it } from 'vitest';
import { type QueueCount, Tally } from '../../../src/brokers/tally.js';
import { FakeClock } from '../../support/fake-clock.js';

function counting(held: string[] = []) {
  const clock = new FakeClock();
  const told: (readonly QueueCount[])[] = [];
  const tally = new Tally({ clock, queues: () => ['mail', 'video'], held: () => held, tell: (counts) => told.push(counts) });
  return { clock, told, tally, held };
}

describe('Tally', () => {
  it('takes what was taken and is not held any more for done with', async () => {
    const { clock, told, tally } = counting(['mail', 'mail']);
    tally.took('mail', 5);
    tally.took('video', 1);
    await clock.advance(1_000);
    expect(told).toEqual([
      [
        ['mail', 3],
        ['video', 1],
      ],
    ]);
  });

  it('tells at most once a second, and nothing while nothing happens', async () => {
    const { clock, told, tally } = counting();
    for (let tick = 0; tick < 100; tick += 1) {
      tally.changed();
      await clock.advance(50);
    }
    expect(told.length).toBeLessThanOrEqual(5);
    const before = told.length;
    await clock.advance(5_000);
    expect(told.length).toBeLessThanOrEqual(before + 1);
  });
});
