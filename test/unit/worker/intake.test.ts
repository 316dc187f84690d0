import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { type BenchOptions, WorkerBench } from './worker-support.js';

let bench: WorkerBench;
const setUp = async (options: BenchOptions = {}): Promise<void> => {
  bench = await WorkerBench.ready(options);
  bench.task(() => bench.clock.monotonicMs());
};
afterEach(() => bench.end());

/** The bench's clock begins at 03:04:05. */
const inSeconds = (seconds: number): string => new Date(Date.parse('2026-01-02T03:04:05Z') + seconds * 1000).toISOString();

describe('a task with an eta', () => {
  it('that is far is parked in the broker', async () => {
    await setUp();
    const delivery = await bench.deliver({ id: 'a', headers: { eta: '2026-01-02T04:00:00+00:00' } });
    expect(delivery.answer).toBe('park 2026-01-02T04:00:00.000Z');
    expect(bench.lines.at(-1)).toBe('INFO Task tasks.it[a] is for later: 2026-01-02 04:00:00.000Z');
    expect(bench.lines.join('\n')).not.toContain('received');
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('that is near is waited for here, to the millisecond and never too early', async () => {
    await setUp();
    const delivery = await bench.deliver({ id: 'a', headers: { eta: inSeconds(1.5) } });
    await bench.clock.advance(1499);
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(1);
    expect(delivery.answer).toBe('ack');
    expect(bench.lastStored?.result).toBe(1500);
  });

  it('is waited for here, however far, where the broker cannot park', async () => {
    await setUp({ parks: false });
    const delivery = await bench.deliver({ id: 'a', headers: { eta: inSeconds(7200) } });
    await bench.clock.advance(7_199_999);
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(1);
    expect(delivery.answer).toBe('ack');
  });

  it('begins when its time of day comes, though somebody sets the clock', async () => {
    await setUp({ parks: false });
    const delivery = await bench.deliver({ id: 'a', headers: { eta: inSeconds(3600) } });
    bench.clock.jumpTo(Date.parse(inSeconds(3600)));
    await bench.clock.advance(1000);
    expect(delivery.answer).toBe('ack');
    const other = await bench.deliver({ id: 'b', headers: { eta: inSeconds(3603) } });
    bench.clock.jumpTo(Date.parse(inSeconds(0)));
    await bench.clock.advance(10_000);
    expect(other.answer).toBeUndefined();
  });

  it('in the past begins at once', async () => {
    await setUp();
    expect((await bench.deliver({ headers: { eta: '2020-01-02T03:04:05.678Z' } })).answer).toBe('ack');
    expect((await bench.deliver({ headers: { eta: '2020-01-02T03:04:05' } })).answer).toBe('ack');
  });

  it('without an offset means the zone of the settings', async () => {
    await setUp({ settings: { timezone: 'Europe/Paris' } });
    const delivery = await bench.deliver({ id: 'a', headers: { eta: '2026-01-02T05:00:00' } });
    expect(delivery.answer).toBe('park 2026-01-02T04:00:00.000Z');
  });

  it('that is parked lets more be taken at once, for it is done with', async () => {
    await setUp({ concurrency: 2 });
    const before = bench.broker.prefetch;
    const [far, parked] = [inSeconds(3600), 40];
    for (let n = 0; n < parked; n += 1) {
      await bench.hand([bench.delivery({ id: `e${n}`, headers: { eta: far } })]);
      await bench.clock.advance(1);
    }
    await bench.hand([bench.delivery({ id: 'last', headers: { eta: far } })]);
    expect(bench.broker.prefetch).toBeGreaterThan(before + 5);
  });

  it('raises the prefetch while it is held here, for it takes no slot', async () => {
    await setUp({ parks: false, concurrency: 2 });
    await bench.hand([1, 2, 3].map((n) => bench.delivery({ id: `e${n}`, headers: { eta: inSeconds(60) } })));
    expect(bench.broker.prefetch).toBe(5);
    await bench.clock.advance(60_000);
    expect(bench.broker.prefetch).toBe(2);
  });

  it('comes in the order of its time, whatever the order of arrival', async () => {
    await setUp({ parks: false });
    const order = [5, 1, 9, 3, 7, 2, 8, 4, 6, 0.5];
    await bench.hand(order.map((seconds) => bench.delivery({ id: `at-${seconds}`, headers: { eta: inSeconds(seconds) } })));
    await bench.clock.advance(20_000);
    expect(bench.backend.stored.map(({ taskId }) => taskId)).toEqual([...order].sort((a, b) => a - b).map((seconds) => `at-${seconds}`));
  });

  it('is discarded when due if it has expired by then', async () => {
    await setUp({ parks: false });
    await bench.deliver({ id: 'a', headers: { eta: inSeconds(10), expires: inSeconds(5) } });
    await bench.clock.advance(10_000);
    expect(bench.lastStored?.status).toBe('REVOKED');
  });
});

describe('slots', () => {
  it('never hold more than there are', async () => {
    await setUp({ concurrency: 3, prefetchMultiplier: 4 });
    let running = 0;
    let most = 0;
    bench.task(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 100));
      running -= 1;
    });
    await bench.hand(Array.from({ length: 12 }, () => bench.delivery()));
    await bench.clock.advance(399);
    expect(bench.backend.stored).toHaveLength(9);
    await bench.clock.advance(1);
    expect(bench.backend.stored).toHaveLength(12);
    expect(most).toBe(3);
  });

  it('are filled again in the same turn when tasks end at once, in the order of arrival', async () => {
    await setUp({ concurrency: 1 });
    await bench.hand(Array.from({ length: 200 }, (_, index) => bench.delivery({ id: `n${index}` })));
    expect(bench.backend.stored.map(({ taskId }) => taskId)).toEqual(Array.from({ length: 200 }, (_, index) => `n${index}`));
  });

  it('let the event loop have its turn between tasks that compute', async () => {
    await setUp({ concurrency: 4 });
    let turn = 0;
    const turns = new Set<number>();
    const count = (): void => {
      turn += 1;
      if (turn < 100) setImmediate(count);
    };
    bench.task(() => turns.add(turn) && null);
    // Each look at the clock finds it 2 ms later: as if every task computed for some.
    let nowMs = 0;
    Object.defineProperty(bench.clock, 'monotonicMs', { value: () => (nowMs += 2) });
    setImmediate(count);
    await bench.hand(Array.from({ length: 30 }, () => bench.delivery()));
    await eventually(() => bench.backend.stored.length === 30, { intervalMs: 1 });
    expect(turns.size).toBeGreaterThan(5);
  });
});

describe('messages that several workers have died with', () => {
  const suspect = { redeliveryCount: 2 };

  it('run one at a time, and the others are out of the way before the first begins', async () => {
    await setUp();
    let end = (): void => {};
    bench.task(() => new Promise<void>((resolve) => (end = resolve)), { name: 'tasks.slow' });
    const [deadly, beside, other] = [
      bench.delivery({ id: 'deadly', task: 'tasks.slow' }, suspect),
      bench.delivery({ id: 'beside' }, suspect),
      bench.delivery({ id: 'other' }),
    ];
    let parked: (how: 'settled') => void = () => {};
    beside.park = (dueAt) => {
      beside.answer = `park ${dueAt.toISOString()}`;
      return new Promise((resolve) => (parked = resolve));
    };
    await bench.hand([deadly, beside, other]);
    expect(beside.answer).toBe(`park ${inSeconds(1)}`);
    expect(other.answer).toBe('ack');
    expect(bench.lines.join('\n')).not.toContain('[deadly] received');
    parked('settled');
    await bench.quiet();
    expect(bench.lines.join('\n')).toContain('Task accepted: tasks.slow[deadly]');
    expect((await bench.deliver({ id: 'third' }, suspect)).answer).toMatch(/^park /);
    end();
    await bench.quiet();
    expect(deadly.answer).toBe('ack');
    expect((await bench.deliver({ id: 'beside' }, suspect)).answer).toBe('ack');
  });

  it('run as ever where the broker cannot put them aside, and after the first death', async () => {
    await setUp({ parks: false });
    const both = [bench.delivery({}, suspect), bench.delivery({}, suspect)];
    await bench.hand(both);
    expect(both.map(({ answer }) => answer)).toEqual(['ack', 'ack']);
    await bench.end();
    await setUp();
    const once = [bench.delivery({}, { redeliveryCount: 1 }), bench.delivery({}, { redeliveryCount: 1 })];
    await bench.hand(once);
    expect(once.map(({ answer }) => answer)).toEqual(['ack', 'ack']);
  });
});
