import { afterEach, describe, expect, it } from 'vitest';
import { BrokerError, ConfigError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import { WorkerBench } from './worker-support.js';

let bench: WorkerBench;
afterEach(() => bench.end());

const refused = new BrokerError('CTQ_BROKER_UNREACHABLE', 'connect ECONNREFUSED 127.0.0.1:6379');

describe('the connection, in Celery’s words', () => {
  it('is announced with the first success, and the worker is ready then', async () => {
    bench = new WorkerBench();
    await eventually(() => bench.broker.handler !== undefined, { intervalMs: 1 });
    expect(bench.worker.state).toBe('starting');
    bench.broker.handler?.disconnected(refused, 1, 2000);
    bench.broker.handler?.disconnected(refused, 2, 4000);
    expect(bench.worker.state).toBe('starting');
    bench.broker.handler?.connected();
    expect(bench.worker.state).toBe('consuming');
    expect(bench.lines).toEqual([
      'ERROR consumer: Cannot connect to fake://broker: connect ECONNREFUSED 127.0.0.1:6379.\nTrying again in 2.00 seconds... (1)\n',
      'ERROR consumer: Cannot connect to fake://broker: connect ECONNREFUSED 127.0.0.1:6379.\nTrying again in 4.00 seconds... (2)\n',
      'INFO Connected to fake://broker',
      'INFO worker1@host ready.',
    ]);
  });

  it('is told of without its URL a second time, and after five attempts no more than each half minute', async () => {
    bench = new WorkerBench();
    await eventually(() => bench.broker.handler !== undefined, { intervalMs: 1 });
    const gone = (reason: string): BrokerError =>
      new BrokerError('CTQ_BROKER_UNREACHABLE', `cannot reach the broker at fake://broker: ${reason}`);
    for (let attempt = 1; attempt <= 90; attempt += 1) {
      bench.broker.handler?.disconnected(gone(attempt < 80 ? 'connection refused' : 'host not found'), attempt, 1000);
      await bench.clock.advance(1000);
    }
    const line = (reason: string, attempt: number): string =>
      `ERROR consumer: Cannot connect to fake://broker: ${reason}.\nTrying again in 1.00 seconds... (${attempt})\n`;
    expect(bench.lines).toEqual([
      ...[1, 2, 3, 4, 5, 35, 65].map((attempt) => line('connection refused', attempt)),
      line('host not found', 80),
    ]);
  });

  it('is lost once and found again, and the worker says ready only once', async () => {
    bench = await WorkerBench.ready({ settings: { brokerConnectionMaxRetries: 100 } });
    bench.lines.length = 0;
    bench.broker.handler?.disconnected(refused, 1, 100);
    expect(bench.worker.state).toBe('disconnected');
    bench.broker.handler?.disconnected(refused, 2, 2000);
    bench.broker.handler?.connected();
    expect(bench.worker.state).toBe('consuming');
    expect(bench.lines).toEqual([
      'WARNING consumer: Connection to broker lost. Trying to re-establish the connection...\nconnect ECONNREFUSED 127.0.0.1:6379',
      'ERROR consumer: Cannot connect to fake://broker: connect ECONNREFUSED 127.0.0.1:6379.\nTrying again in 2.00 seconds... (2/100)\n',
      'INFO Connected to fake://broker',
    ]);
  });

  it('is given up where the settings say so: at the start, later, or after so many attempts', async () => {
    const ended = async (): Promise<readonly string[]> => {
      await expect(bench.stopped).rejects.toBe(refused);
      expect(bench.worker.state).toBe('stopped');
      return bench.lines.filter((line) => line.startsWith('CRITICAL'));
    };
    const said = [
      'CRITICAL consumer: Cannot connect to fake://broker: connect ECONNREFUSED 127.0.0.1:6379.\nGiving up, as the settings say.',
    ];
    bench = new WorkerBench({ settings: { brokerConnectionRetryOnStartup: false } });
    await eventually(() => bench.broker.handler !== undefined, { intervalMs: 1 });
    bench.broker.handler?.disconnected(refused, 1, 2000);
    expect(await ended()).toEqual(said);
    bench = await WorkerBench.ready({ settings: { brokerConnectionRetry: false, brokerConnectionRetryOnStartup: true } });
    bench.broker.handler?.disconnected(refused, 1, 100);
    expect(await ended()).toEqual(said);
    bench = await WorkerBench.ready({ settings: { brokerConnectionMaxRetries: 3 } });
    for (const attempt of [1, 2]) bench.broker.handler?.disconnected(refused, attempt, 100);
    expect(bench.worker.state).toBe('disconnected');
    bench.broker.handler?.disconnected(refused, 3, 100);
    expect(await ended()).toEqual(said);
  });

  it('lost while tasks run does not touch them', async () => {
    bench = await WorkerBench.ready();
    bench.task(() => new Promise<number>((resolve) => bench.clock.setTimeout(() => resolve(1), 100)));
    const delivery = await bench.deliver({ id: 'a' });
    bench.broker.handler?.disconnected(refused, 1, 100);
    await bench.clock.advance(100);
    expect(delivery.answer).toBe('ack');
  });
});

describe('the queues', () => {
  const consumed = async (options: ConstructorParameters<typeof WorkerBench>[0]) => {
    bench = await WorkerBench.ready(options);
    return bench.broker.consuming.map(({ name }) => name);
  };

  it('are those of the settings', async () => {
    expect(await consumed({})).toEqual(['celery']);
    await bench.end();
    expect(await consumed({ settings: { taskQueues: ['a', 'b', 'c'] } })).toEqual(['a', 'b', 'c']);
  });

  it('are one more, the worker’s own, with worker_direct', async () => {
    expect(await consumed({ settings: { workerDirect: true } })).toEqual(['celery', 'worker1@host.dq']);
    expect(bench.broker.consuming[1]).toMatchObject({ exchange: { name: 'C.dq2', type: 'direct' }, routingKey: 'worker1@host' });
  });

  it('are only those of -Q, made up where need be, in their order', async () => {
    expect(await consumed({ settings: { taskQueues: ['a', 'b', 'c'] }, queues: ['c', 'new', 'a', 'c'] })).toEqual(['c', 'new', 'a']);
  });

  it('are all but those of -X', async () => {
    expect(await consumed({ settings: { taskQueues: ['a', 'b', 'c'] }, excludeQueues: ['b', 'nowhere'] })).toEqual(['a', 'c']);
  });

  it('must be some, and known where names may not be made up', async () => {
    bench = new WorkerBench({ excludeQueues: ['celery'] });
    await expect(bench.stopped).rejects.toThrow(ConfigError);
    bench = new WorkerBench({ queues: ['nowhere'], settings: { taskCreateMissingQueues: false } });
    await expect(bench.stopped).rejects.toThrow("unknown queue 'nowhere'");
    expect(bench.worker.state).toBe('stopped');
  });

  it('are emptied first when that is asked for', async () => {
    expect(await consumed({ queues: ['a', 'b'], purge: true })).toEqual(['a', 'b']);
    expect(bench.broker.calls).toEqual(['purge a', 'purge b', 'consume a,b']);
    expect(bench.complaints[0]).toBe('WARNING purge: Erased 3 message(s) from the queue a');
  });
});

describe('the banner', () => {
  it('says what the worker is, as Celery’s does', async () => {
    bench = await WorkerBench.ready({ concurrency: 8, queues: ['celery', 'mail'] });
    const [banner] = bench.banners;
    const lines = (banner ?? '').split('\n');
    expect(lines[0]).toMatch(/^ -------------- worker1@host v\d+\.\d+\.\d+\S* \(ctq\)$/);
    expect(lines.slice(3, 12)).toEqual([
      '- *** --- * --- ',
      '- ** ---------- [config]',
      '- ** ---------- .> app:         tasks',
      '- ** ---------- .> transport:   fake://broker',
      '- ** ---------- .> results:     fake://results',
      '- *** --- * --- .> concurrency: 8 (async)',
      '-- ******* ---- .> task events: OFF (enable -E to monitor tasks in this worker)',
      '--- ***** ----- ',
      ' -------------- [queues]',
    ]);
    expect(banner).toContain('                .> celery           exchange=celery(direct) key=celery\n');
    expect(banner).toContain('                .> mail             exchange=mail(direct) key=mail\n');
  });

  it('lists the tasks where the log is at INFO, and only there', async () => {
    bench = new WorkerBench({ logLevel: 'info' });
    bench.task(() => 1, { name: 'tasks.b' });
    bench.task(() => 1, { name: 'tasks.a' });
    await bench.quiet();
    expect(bench.banners[0]).toContain('[tasks]\n');
    await bench.end();
    bench = await WorkerBench.ready({ logLevel: 'warning' });
    expect(bench.banners[0]).not.toContain('[tasks]');
  });
});

describe('the pool', () => {
  it('has 100 slots where nobody says how many: the event loop is cheap', async () => {
    bench = await WorkerBench.ready();
    expect(bench.banners[0]).toContain('concurrency: 100 (async)');
  });

  it.each([
    [{ concurrency: 3 }, 3],
    [{ settings: { workerConcurrency: 7 } }, 7],
    [{ concurrency: 3, settings: { workerConcurrency: 7 } }, 3],
  ])('has as many as it is told: %j', async (options, slots) => {
    bench = await WorkerBench.ready(options);
    expect(bench.broker.prefetch).toBe(slots);
    expect(bench.banners[0]).toContain(`concurrency: ${slots} (async)`);
  });

  it('must have at least one slot, and be known', async () => {
    bench = new WorkerBench({ concurrency: 0 });
    await expect(bench.stopped).rejects.toThrow(ConfigError);
    bench = new WorkerBench({ pool: 'threads' });
    await expect(bench.stopped).rejects.toThrow(ConfigError);
  });

  it('says at start what a limit cannot do in the event loop', async () => {
    bench = await WorkerBench.ready({ settings: { taskTimeLimit: 10 } });
    expect(bench.complaints).toEqual([expect.stringMatching(/^WARNING Time limits in the async pool .* never awaits cannot be stopped$/)]);
  });
});
