import { describe, expect, it } from 'vitest';
import { watchSilence } from '../../../src/connections/silence.js';
import { FakeClock } from '../../support/fake-clock.js';

const LIMIT_MS = 9_000;

function watched(limitMs = LIMIT_MS) {
  const clock = new FakeClock();
  const server = { bytes: 0, owedSinceMs: undefined as number | undefined, excused: false };
  const told: string[] = [];
  const stop = watchSilence({
    clock,
    limitMs,
    bytesRead: () => server.bytes,
    owedSinceMs: () => server.owedSinceMs,
    ask: () => {
      told.push('asked');
      server.owedSinceMs = clock.monotonicMs();
    },
    isExcused: () => server.excused,
    gone: (silentForMs) => void told.push(`gone after ${silentForMs}`),
  });
  return { clock, server, told, stop };
}

async function seconds(clock: FakeClock, count: number): Promise<void> {
  for (let second = 0; second < count; second += 1) await clock.advance(1_000);
}

describe('a silent server', () => {
  it('is asked after three seconds without a byte, and gone when it owes an answer for too long', async () => {
    const { clock, told } = watched();
    await seconds(clock, 2);
    expect(told).toEqual([]);
    await seconds(clock, 1);
    expect(told).toEqual(['asked']);
    await seconds(clock, 9);
    expect(told).toEqual(['asked']);
    await seconds(clock, 1);
    expect(told).toEqual(['asked', 'gone after 10000']);
    await seconds(clock, 30);
    expect(told).toHaveLength(2);
  });

  it('is there as long as anything comes, whatever it owes', async () => {
    const { clock, server, told } = watched();
    server.owedSinceMs = 0;
    for (let second = 0; second < 40; second += 1) {
      server.bytes += 1;
      await seconds(clock, 1);
    }
    expect(told).toEqual([]);
  });

  it('is excused while it has said that it answers nobody', async () => {
    const { clock, server, told } = watched();
    Object.assign(server, { owedSinceMs: clock.monotonicMs(), excused: true });
    await seconds(clock, 60);
    expect(told).toEqual([]);
    server.excused = false;
    await seconds(clock, 10);
    expect(told).toEqual(['gone after 10000']);
  });

  it('is looked at more often by who can wait for less, and not at all by who has left', async () => {
    const hasty = watched(1_000);
    hasty.server.owedSinceMs = hasty.clock.monotonicMs();
    for (let quarter = 0; quarter < 5; quarter += 1) await hasty.clock.advance(250);
    expect(hasty.told).toEqual(['gone after 1250']);
    const left = watched();
    left.stop();
    await seconds(left.clock, 60);
    expect(left.told).toEqual([]);
  });
});
