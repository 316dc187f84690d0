import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import { silentLogger } from '../../../src/logger.js';
import type { Pool } from '../../../src/pool.js';
import { Autoscaler } from '../../../src/worker/autoscaler.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp(max: number, min: number) {
  const clock = new FakeClock();
  const sizes: number[] = [];
  const lines: string[] = [];
  const pool: Pool = {
    kind: 'prefork',
    size: Math.max(min, 1),
    processes: [],
    run: () => ({ kind: 'success', value: 1 }),
    async resize(size) {
      sizes.push(size);
      (this as { size: number }).size = size;
    },
    async close() {},
  };
  const state = { wanted: 0, resized: 0 };
  const scaler = new Autoscaler({
    clock,
    pool,
    range: { max, min },
    logger: { ...silentLogger, info: (message, ...args) => void lines.push([message, ...args].join(' ')) },
    wanted: () => state.wanted,
    resized: () => {
      state.resized += 1;
    },
  });
  const want = (count: number): void => {
    state.wanted = count;
    scaler.look();
  };
  return { clock, sizes, lines, pool, state, scaler, want };
}

describe('Autoscaler', () => {
  it('grows at once to what is wanted, and never beyond its maximum', async () => {
    const { sizes, lines, want, state } = setUp(5, 2);
    want(2);
    expect(sizes).toEqual([]);
    want(3);
    want(50);
    await Promise.resolve();
    expect(sizes).toEqual([3, 5]);
    expect(state.resized).toBe(2);
    expect(lines).toEqual(['Scaling %s %d processes. up 1', 'Scaling %s %d processes. up 2']);
  });

  it('shrinks when fewer have been wanted for half a minute, also when nothing happens', async () => {
    const { clock, sizes, want } = setUp(5, 2);
    want(5);
    want(1);
    await clock.advance(29_000);
    expect(sizes).toEqual([5]);
    await clock.advance(2_000);
    expect(sizes).toEqual([5, 2]);
  });

  it('counts the half minute from when the slots were needed last', async () => {
    const { clock, sizes, want } = setUp(5, 1);
    want(5);
    await clock.advance(25_000);
    want(5);
    await clock.advance(4_000);
    want(0);
    await clock.advance(20_000);
    expect(sizes).toEqual([5]);
    await clock.advance(12_000);
    expect(sizes).toEqual([5, 1]);
  });

  it('takes new bounds, one alone or both, and keeps within them', async () => {
    const { scaler, sizes, pool } = setUp(5, 2);
    expect(scaler.update(10, 4)).toEqual({ max: 10, min: 4 });
    expect(sizes).toEqual([4]);
    expect(scaler.update(3, null)).toEqual({ max: 3, min: 3 });
    expect(scaler.update(null, 6)).toEqual({ max: 6, min: 6 });
    expect(scaler.info()).toEqual({ max: 6, min: 6, current: 6, qty: 0 });
    expect(pool.size).toBe(6);
    expect(() => scaler.update(0, null)).toThrow(ConfigError);
  });

  it('keeps one slot where the minimum is none, for somebody must notice that a task waits', () => {
    expect(setUp(4, 0).scaler.info()).toMatchObject({ max: 4, min: 1 });
    expect(() => setUp(2, 3)).toThrow('no number of tasks lies between 3 and 2');
  });

  it('does nothing any more once it is stopped', async () => {
    const { scaler, sizes, want, clock } = setUp(5, 1);
    want(1);
    scaler.stop();
    want(5);
    await clock.advance(60_000);
    expect(sizes).toEqual([]);
  });
});
