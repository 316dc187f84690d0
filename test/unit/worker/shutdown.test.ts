import { afterEach, describe, expect, it } from 'vitest';
import type { TaskContext } from '../../../src/task.js';
import { ResultBackendError } from '../../../src/errors.js';
import { type BenchOptions, type FakeDelivery, WorkerBench } from './worker-support.js';

let bench: WorkerBench;
const setUp = async (options: BenchOptions = {}): Promise<void> => {
  bench = await WorkerBench.ready({ concurrency: 1, prefetchMultiplier: 4, ...options });
  bench.task((seconds: number) => new Promise<number>((resolve) => bench.clock.setTimeout(() => resolve(seconds), seconds * 1000)));
};
afterEach(() => bench.end());

/** One that runs for so many seconds, two that wait for its slot, one that waits for its time. */
async function busy(seconds: number): Promise<{ running: FakeDelivery; waiting: FakeDelivery[] }> {
  const running = bench.delivery({ id: 'running', args: [seconds] });
  const waiting = [
    bench.delivery({ id: 'w1', args: [1] }),
    bench.delivery({ id: 'w2', args: [1] }),
    bench.delivery({ id: 'eta', args: [1], headers: { eta: '2026-01-02T03:04:06.500Z' } }),
  ];
  await bench.hand([running, ...waiting]);
  return { running, waiting };
}

describe('a warm stop', () => {
  it('gives back at once what had not begun, finishes what runs, and ends clean', async () => {
    await setUp();
    const { running, waiting } = await busy(10);
    const stop = bench.worker.stop('warm');
    await bench.quiet();
    expect(bench.worker.state).toBe('draining');
    expect(waiting.map(({ answer }) => answer)).toEqual(['requeue front', 'requeue front', 'requeue front']);
    expect(running.answer).toBeUndefined();
    expect(bench.complaints).toEqual(['WARNING Restoring 3 unacknowledged message(s)']);
    expect(bench.lines.at(-1)).toBe('INFO Waiting for tasks.it[running], 25 s at most');
    await bench.clock.advance(9_999);
    expect(bench.worker.state).toBe('draining');
    await bench.clock.advance(1);
    await stop;
    expect(running.answer).toBe('ack');
    expect(bench.happened.slice(-2)).toEqual(['store SUCCESS running', 'ack running']);
    expect(await bench.stopped).toBe('clean');
    expect(bench.worker.state).toBe('stopped');
    expect(bench.broker.calls).toEqual(['consume celery', 'pause', 'close']);
    expect(bench.clock.pendingTimers).toBe(0);
  });

  it('gives back what a take under way still brings', async () => {
    await setUp();
    const late = bench.delivery({ id: 'late', args: [1] });
    bench.broker.latecomers.push(late);
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(1);
    await stop;
    expect(late.answer).toBe('requeue front');
    expect(bench.backend.stored).toEqual([]);
  });

  it('cuts off and gives back what outlasts the grace', async () => {
    await setUp({ settings: { workerWarmShutdownTimeout: 5 } });
    let reason: unknown;
    bench.task(
      (task: TaskContext) => {
        task.signal.addEventListener('abort', () => {
          reason = task.signal.reason;
        });
        return new Promise(() => {});
      },
      { bind: true },
    );
    const delivery = await bench.deliver({ id: 'endless' });
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(4_999);
    expect(delivery.answer).toBeUndefined();
    await bench.clock.advance(1);
    await stop;
    expect(delivery.answer).toBe('requeue front');
    expect(reason).toBeInstanceOf(Error);
    expect(bench.backend.stored).toEqual([]);
    expect(await bench.stopped).toBe('forced');
  });

  it('has a grace of 25 seconds unless told otherwise', async () => {
    await setUp();
    const { running } = await busy(1_000);
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(24_999);
    expect(running.answer).toBeUndefined();
    await bench.clock.advance(1);
    await stop;
    expect(running.answer).toBe('requeue front');
  });

  it('says that a task acknowledged early is lost when it is cut off', async () => {
    await setUp({ settings: { taskAcksLate: false, workerWarmShutdownTimeout: 1 } });
    const delivery = await bench.deliver({ id: 'early', args: [1_000] });
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(1_000);
    await stop;
    expect(delivery.answer).toBe('ack');
    expect(bench.complaints).toContain('ERROR Task tasks.it[early] is cut off, and its message was acknowledged before it ran');
  });

  it('waits for results on their way, but not for ever', async () => {
    await setUp();
    for (let count = 0; count < 50; count++) bench.backend.troubles.push(new ResultBackendError('away', {}, 'CTQ_BACKEND_UNREACHABLE'));
    const delivery = await bench.deliver({ id: 'a', args: [1] });
    await bench.clock.advance(1_000);
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(3_001);
    await stop;
    expect(delivery.answer).toBeUndefined();
    expect(bench.broker.calls.at(-1)).toBe('close');
  });

  it('asked for twice is one stop', async () => {
    await setUp();
    const stops = [bench.worker.stop('warm'), bench.worker.stop('warm')];
    await bench.clock.advance(1);
    await Promise.all(stops);
    expect(bench.broker.calls).toEqual(['consume celery', 'pause', 'close']);
  });

  it('before the worker is ready ends it all the same', async () => {
    bench = new WorkerBench();
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(1);
    await stop;
    expect(await bench.stopped).toBe('clean');
  });
});

describe('a cold stop', () => {
  it('gives everything back at once', async () => {
    await setUp();
    const { running, waiting } = await busy(1_000);
    const stop = bench.worker.stop('cold');
    await bench.clock.advance(1);
    await stop;
    expect([running, ...waiting].map(({ answer }) => answer)).toEqual(Array.from({ length: 4 }, () => 'requeue front'));
    expect(await bench.stopped).toBe('forced');
    expect(bench.notices).toEqual(['worker: Cold shutdown (MainProcess)']);
  });

  it('overtakes a warm one', async () => {
    await setUp();
    const { running } = await busy(1_000);
    const warm = bench.worker.stop('warm');
    await bench.clock.advance(2_000);
    expect(running.answer).toBeUndefined();
    const cold = bench.worker.stop('cold');
    await bench.clock.advance(1);
    await Promise.all([warm, cold]);
    expect(running.answer).toBe('requeue front');
    expect(bench.notices).toEqual(['worker: Warm shutdown (MainProcess)', 'worker: Cold shutdown (MainProcess)']);
  });

  it('of an idle worker is clean', async () => {
    await setUp();
    const stop = bench.worker.stop('cold');
    await bench.clock.advance(1);
    await stop;
    expect(await bench.stopped).toBe('clean');
  });
});

describe('signals of a worker’s life', () => {
  it('come in order', async () => {
    const seen: string[] = [];
    bench = new WorkerBench();
    for (const name of ['celerydInit', 'workerInit', 'workerReady', 'workerShuttingDown', 'workerShutdown'] as const) {
      (bench.signals[name] as { connect(handler: () => void): void }).connect(() => seen.push(name));
    }
    await bench.quiet();
    bench.broker.handler?.connected();
    const stop = bench.worker.stop('warm');
    await bench.clock.advance(1);
    await stop;
    // The first two were sent before anybody could connect to this bench.
    expect(seen).toEqual(['workerReady', 'workerShuttingDown', 'workerShutdown']);
  });
});
