import { afterEach, describe, expect, it } from 'vitest';
import { multiplierOf, Prefetch } from '../../../src/worker/prefetch.js';
import { eventually } from '../../support/eventually.js';
import { FakeClock } from '../../support/fake-clock.js';
import { WorkerBench } from './worker-support.js';

describe('Prefetch', () => {
  /** One that has learned that tasks hardly compute. */
  function learned(): { clock: FakeClock; prefetch: Prefetch } {
    const clock = new FakeClock();
    const prefetch = new Prefetch(clock, undefined);
    for (let run = 0; run < 100; run++) prefetch.noteBlock(0.001);
    return { clock, prefetch };
  }

  async function afterRunning(ended: number, windowMs = 20): Promise<number> {
    const { clock, prefetch } = learned();
    await clock.advance(windowMs);
    prefetch.noteEnded(ended);
    return prefetch.count(4, 4);
  }

  it('holds what can run, and nothing more while nothing is known', async () => {
    expect(learned().prefetch.count(4, 0)).toBe(4);
    expect(await afterRunning(0)).toBe(4);
  });

  it('holds no more than there are slots where prefetching is disabled, whatever the multiplier', () => {
    const settings = { workerDisablePrefetch: true, workerPrefetchMultiplier: 4 };
    expect(new Prefetch(new FakeClock(), multiplierOf(8, settings)).count(4, 0)).toBe(4);
    expect(multiplierOf(undefined, { ...settings, workerDisablePrefetch: false })).toBe(4);
    expect(multiplierOf(8, { ...settings, workerDisablePrefetch: false })).toBe(8);
  });

  it('holds a tenth of a second of work ahead', async () => {
    expect(await afterRunning(20, 20)).toBe(4 + 100);
    expect(await afterRunning(2, 200)).toBe(4 + 1);
    expect(await afterRunning(1, 2_000)).toBe(4);
  });

  it('holds no more than a few batches, however fast tasks are', async () => {
    expect(await afterRunning(100_000, 20)).toBe(4 + 1_000);
  });

  it('forgets its speed when nothing ends any more', async () => {
    const { clock, prefetch } = learned();
    await clock.advance(20);
    prefetch.noteEnded(100);
    expect(prefetch.count(1, 0)).toBe(501);
    await clock.advance(100);
    expect(prefetch.count(1, 0)).toBe(1);
  });

  it('begins with a few, for nobody knows yet what they cost, and fills its slots as they begin', () => {
    const prefetch = new Prefetch(new FakeClock(), undefined);
    expect(prefetch.count(100, 0)).toBe(10);
    expect(prefetch.count(100, 10)).toBe(20);
    for (let run = 0; run < 20; run++) prefetch.noteBlock(0.01);
    expect(prefetch.count(100, 20)).toBe(100);
  });

  it('keeps no more tasks that compute than are done in a tenth of a second, whatever the slots', () => {
    const { prefetch } = learned();
    for (let run = 0; run < 50; run++) prefetch.noteBlock(30);
    expect(prefetch.count(100, 0)).toBe(3);
    for (let run = 0; run < 50; run++) prefetch.noteBlock(1_000);
    expect(prefetch.count(100, 0)).toBe(1);
  });

  it('is not misled by one pause among many short runs, and believes the second long one', () => {
    const { prefetch } = learned();
    for (let run = 0; run < 2_000; run++) prefetch.noteBlock(0.02);
    prefetch.noteBlock(60);
    expect(prefetch.count(100, 0)).toBe(100);
    prefetch.noteBlock(400);
    prefetch.noteBlock(400);
    expect(prefetch.count(100, 0)).toBe(1);
  });

  it('is Celery’s product where a multiplier is set, and without limit for 0', () => {
    const clock = new FakeClock();
    expect(new Prefetch(clock, 4).count(8, 0)).toBe(32);
    expect(new Prefetch(clock, 1).count(8, 8)).toBe(8);
    expect(new Prefetch(clock, 0).count(8, 0)).toBeGreaterThan(1e9);
    expect([new Prefetch(clock, 4).measured, new Prefetch(clock, undefined).measured]).toEqual([false, true]);
  });
});

describe('a worker that holds more than it can run', () => {
  let bench: WorkerBench;
  afterEach(() => bench.end());

  const stuck = async (options: ConstructorParameters<typeof WorkerBench>[0]) => {
    bench = await WorkerBench.ready({ concurrency: 2, ...options });
    bench.task(() => new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 15_000)), { name: 'tasks.long' });
    bench.task(() => 1);
    const long = ['l1', 'l2'].map((id) => bench.delivery({ id, task: 'tasks.long' }));
    const short = ['s1', 's2', 's3'].map((id) => bench.delivery({ id }));
    await bench.hand([...long, ...short]);
    return { long, short };
  };

  it('gives back within half a second what waits behind tasks that take long, and takes no more than it can run', async () => {
    const { long, short } = await stuck({});
    await bench.clock.advance(250);
    expect(short.map(({ answer }) => answer)).toEqual([undefined, undefined, undefined]);
    await bench.clock.advance(200);
    expect(short.map(({ answer }) => answer)).toEqual(['requeue front', 'requeue front', 'requeue front']);
    expect(bench.happened).toEqual(['requeue front s1', 'requeue front s2', 'requeue front s3']);
    expect(bench.broker.prefetch).toBe(2);
    await bench.clock.advance(15_000);
    expect(long.map(({ answer }) => answer)).toEqual(['ack', 'ack']);
  });

  it('gives back what waits behind a task that computes, before it begins with the next', async () => {
    bench = await WorkerBench.ready();
    let nowMs = 0;
    Object.defineProperty(bench.clock, 'monotonicMs', { value: () => nowMs });
    bench.task(() => {
      nowMs += 1_000;
    });
    const all = Array.from({ length: 8 }, () => bench.delivery());
    await bench.hand(all);
    await eventually(() => all.every(({ answer }) => answer !== undefined), { intervalMs: 1 });
    expect(all.map(({ answer }) => answer).filter((answer) => answer === 'ack').length).toBeLessThan(3);
    expect(bench.broker.prefetch).toBe(1);
  });

  it('keeps what is short where each run waits for its acknowledgement, too', async () => {
    bench = await WorkerBench.ready({ concurrency: 2 });
    let nowMs = 5_000;
    Object.defineProperty(bench.clock, 'monotonicMs', { value: () => nowMs });
    bench.task(
      () => {
        nowMs += 0.01;
      },
      { acksLate: false },
    );
    const all = Array.from({ length: 15 }, () => bench.delivery());
    await bench.hand(all);
    await eventually(() => expect(all.map(({ answer }) => answer)).toEqual(all.map(() => 'ack')), { intervalMs: 1 });
    await eventually(() => expect(bench.broker.prefetch).toBeGreaterThanOrEqual(2), { intervalMs: 1 });
  });

  it('keeps them where the user asked for it', async () => {
    const { short } = await stuck({ prefetchMultiplier: 4 });
    expect(bench.broker.prefetch).toBe(8);
    await bench.clock.advance(15_000);
    expect(short.map(({ answer }) => answer)).toEqual(['ack', 'ack', 'ack']);
  });

  it('keeps them while slots become free now and then', async () => {
    bench = await WorkerBench.ready({ concurrency: 1 });
    bench.task(() => new Promise<void>((resolve) => bench.clock.setTimeout(resolve, 200)));
    const all = Array.from({ length: 6 }, () => bench.delivery());
    await bench.hand(all);
    await bench.clock.advance(1_300);
    expect(all.map(({ answer }) => answer)).toEqual(['ack', 'ack', 'ack', 'ack', 'ack', 'ack']);
  });

  it('leaves no timer behind when it has nothing to do', async () => {
    bench = await WorkerBench.ready({ concurrency: 4 });
    bench.task(() => 1);
    await bench.clock.advance(30);
    await bench.hand(Array.from({ length: 15 }, () => bench.delivery()));
    await bench.hand(Array.from({ length: 15 }, () => bench.delivery()));
    expect(bench.broker.prefetch).toBeGreaterThan(4);
    await bench.clock.advance(500);
    expect(bench.broker.prefetch).toBe(4);
    expect(bench.clock.pendingTimers).toBe(0);
  });
});
