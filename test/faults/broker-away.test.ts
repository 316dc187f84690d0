/** The broker goes away and comes back; the worker follows by itself and nothing is lost (M6, M7, M9). */
import { expect, it, type TestContext } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/proxy.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeBeside } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { Ledger } from './operations/ledger.js';

interface Estate {
  readonly redis: RedisServer;
  readonly worker: OwnedProcess;
  readonly app: Ctq;
  readonly ledger: Ledger;
  readonly proxy: TcpProxy;
}

describeBeside('redis', 'a worker whose broker goes away', () => {
  async function estate({ onTestFinished }: TestContext): Promise<Estate> {
    const redis = await startRedis({ appendonly: 'always' });
    onTestFinished(async () => {
      await redis.kill();
    });
    const proxy = await TcpProxy.start(redis.port);
    onTestFinished(() => proxy.close());
    const marks = tmpFolder();
    const worker = await startCtqWorker({ broker: `redis://127.0.0.1:${proxy.port}/0`, env: { CTQ_TEST_MARKS: marks } });
    onTestFinished(async () => {
      await worker.kill();
    });
    const app = new Ctq('client', { brokerUrl: redis.url, resultBackend: redis.url });
    onTestFinished(() => app.close());
    return { redis, worker, app, ledger: new Ledger(marks), proxy };
  }

  async function send(app: Ctq, ledger: Ledger, prefix: string, count: number, seconds: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      ledger.sent(`${prefix}-${i}`);
      await app.sendTask('tasks.late', [`${prefix}-${i}`, seconds]).published;
    }
  }

  it('goes on by itself after redis-server was stopped for ten seconds, and loses nothing', { timeout: 120_000 }, async (context) => {
    const { redis, worker, app, ledger } = await estate(context);
    await send(app, ledger, 'before', 40, 0.3);
    await eventually(() => ledger.begun('before-0') > 0);
    await redis.stop();
    await delay(10_000); // The outage itself.
    expect(worker.ending).toBeUndefined();
    await redis.start();
    await send(app, ledger, 'after', 5, 0);
    await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 30_000, intervalMs: 100 });
    expect(await app.sendTask('tasks.add', [1, 2]).get({ timeout: 30 })).toBe(3);
    expect(worker.output).toContain('Connection to broker lost');
  });

  it('repeats nothing when the server is frozen for ten seconds', { timeout: 120_000 }, async (context) => {
    const { redis, app, ledger } = await estate(context);
    await send(app, ledger, 'frozen', 20, 0.5);
    await eventually(() => ledger.begun('frozen-0') > 0);
    redis.freeze();
    await delay(10_000); // The freeze itself.
    redis.thaw();
    await eventually(() => expect(ledger.tally()).toEqual({ sent: 20, lost: [], repeated: [] }), { timeoutMs: 40_000, intervalMs: 100 });
  });

  it('repeats nothing when its connections are reset in the middle of tasks', { timeout: 120_000 }, async (context) => {
    const { app, ledger, proxy } = await estate(context);
    await send(app, ledger, 'reset', 30, 0.3);
    for (let cut = 0; cut < 5; cut++) {
      await eventually(() => ledger.begun(`reset-${cut * 4}`) > 0);
      proxy.cut();
    }
    await eventually(() => expect(ledger.tally()).toEqual({ sent: 30, lost: [], repeated: [] }), { timeoutMs: 40_000, intervalMs: 100 });
  });

  it('notices within fifteen seconds that a silent connection is dead', { timeout: 120_000 }, async (context) => {
    const { app, ledger, proxy } = await estate(context);
    await send(app, ledger, 'warm', 2, 0);
    await eventually(() => expect(ledger.tally().lost).toEqual([]));
    proxy.silence();
    await send(app, ledger, 'silent', 3, 0);
    // Nine to thirteen seconds, and what the machine adds. Celery has not noticed after seven minutes.
    await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 40_000, intervalMs: 100 });
  });
});
