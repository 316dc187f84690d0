import { afterEach, describe, expect, it } from 'vitest';
import { WorkerBench, type BenchOptions } from './worker-support.js';

let bench: WorkerBench;
const setUp = async (options: BenchOptions = {}): Promise<void> => {
  bench = await WorkerBench.ready({ concurrency: 100, ...options });
};
afterEach(() => bench.end());

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);
const hand = (count: number): Promise<unknown> => bench.hand(ids(count).map((id) => bench.delivery({ id })));
const done = (): number => bench.backend.stored.length;

describe('a rate limit', () => {
  it('lets one task begin each interval, in their order', async () => {
    await setUp();
    bench.task(() => bench.clock.monotonicMs(), { rateLimit: '10/s' });
    await hand(5);
    await bench.clock.advance(1000);
    const starts = bench.backend.stored.map(({ result }) => result as number);
    const first = starts[0] ?? 0;
    expect(starts.map((start) => start - first)).toEqual([0, 100, 200, 300, 400]);
    expect(bench.backend.stored.map(({ taskId }) => taskId)).toEqual(ids(5));
  });

  it('puts what will not have its turn soon back into the broker', async () => {
    await setUp();
    bench.task(() => 1, { rateLimit: '1/m' });
    const deliveries = ids(4).map((id) => bench.delivery({ id }));
    await bench.hand(deliveries);
    expect(deliveries.map(({ answer }) => answer?.split(' ')[0])).toEqual(['ack', undefined, 'park', 'park']);
  });

  it('takes no room from other tasks', async () => {
    await setUp({ concurrency: 2 });
    bench.task(() => 1, { rateLimit: '1/s' });
    const before = bench.broker.prefetch;
    await hand(2);
    expect(bench.broker.prefetch).toBe(before + 1);
  });

  it('is not kept where the settings switch rate limits off', async () => {
    await setUp({ settings: { workerDisableRateLimits: true } });
    bench.task(() => 1, { rateLimit: '1/h' });
    await hand(20);
    expect(done()).toBe(20);
  });

  it('gives back what waits when the worker stops', async () => {
    await setUp();
    bench.task(() => 1, { rateLimit: '1/m' });
    const deliveries = ids(2).map((id) => bench.delivery({ id }));
    await bench.hand(deliveries);
    await bench.worker.stop('warm');
    expect(deliveries.map(({ answer }) => answer)).toEqual(['ack', 'requeue front']);
  });

  it('of no number is refused before anything is taken', async () => {
    await expect(WorkerBench.ready({ settings: { taskDefaultRateLimit: '10/fortnight' } })).rejects.toThrow(/task_default_rate_limit/);
    await setUp();
  });
});

describe('a limit of how many run at once', () => {
  it('holds, and lets the next one begin as one ends', async () => {
    await setUp();
    let running = 0;
    let most = 0;
    bench.task(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => void bench.clock.setTimeout(resolve, 100));
        running -= 1;
      },
      { maxConcurrency: 3 },
    );
    await hand(10);
    await bench.clock.advance(350);
    await bench.clock.advance(350);
    expect([most, done()]).toEqual([3, 10]);
  });

  it('is given back by a task that is discarded', async () => {
    await setUp();
    bench.task(() => 1, { maxConcurrency: 1 });
    await bench.hand([
      bench.delivery({ id: 'late', headers: { expires: '2020-01-01T00:00:00Z' } }),
      bench.delivery({ id: 'a' }),
      bench.delivery({ id: 'b' }),
    ]);
    expect(bench.backend.stored.filter(({ status }) => status === 'SUCCESS')).toHaveLength(2);
  });
});
