/** A broadcast queue on each engine: one message, a run in every worker that takes from it. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Ctq } from '../../src/ctq.js';
import type { Worker } from '../../src/worker/worker.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const open: { app: Ctq; worker?: Worker }[] = [];
afterEach(async () => {
  await Promise.all(open.map(({ worker }) => worker?.stop('warm')));
  await Promise.all(open.splice(0).map(({ app }) => app.close()));
});

function makeApp(brokerUrl: string, heard: string[], name: string): Ctq {
  const app = new Ctq('tasks', {
    brokerUrl,
    taskQueues: ['celery', { name: 'everyone', broadcast: true }],
    taskRoutes: { 'tasks.set': { queue: 'everyone' } },
  });
  app.task('tasks.set', (value: string) => void heard.push(`${name} ${value}`));
  app.task('tasks.one', (value: string) => void heard.push(`one ${value}`));
  return app;
}

async function startWorker(app: Ctq, name: string, queues?: readonly string[]): Promise<void> {
  const worker = await app.worker({ hostname: `${name}@test`, withoutMingle: true, ...(queues === undefined ? {} : { queues }) });
  open.push({ app, worker });
  const ready = new Promise<void>((resolve) => void app.signals.workerReady.connect(() => resolve()));
  void worker.start();
  await ready;
}

const engines: Readonly<Record<'memory' | 'sqlite' | 'redis', () => Promise<string>>> = {
  memory: async () => `memory://broadcast-${process.pid}`,
  sqlite: async () => `sqlite://${join(tmpFolder(), 'q.db')}`,
  redis: async () => (await startRedis()).url,
};

for (const engine of ['memory', 'sqlite', 'redis'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `a broadcast queue on ${engine}`, () => {
    it('gives each worker a copy, and other queues go on as they are', async () => {
      const url = await engines[engine]();
      const heard: string[] = [];
      for (const name of ['w1', 'w2', 'w3']) await startWorker(makeApp(url, heard, name), name);
      // Nothing but the broadcast queue.
      await startWorker(makeApp(url, heard, 'w4'), 'w4', ['everyone']);
      const client = makeApp(url, heard, 'client');
      open.push({ app: client });
      await client.sendTask('tasks.set', ['a']).published;
      await client.sendTask('tasks.one', ['b']).published;
      await eventually(() => expect([...heard].sort()).toEqual(['one b', 'w1 a', 'w2 a', 'w3 a', 'w4 a']));
      // Somebody who knows nothing but the name of the queue.
      const stranger = new Ctq('stranger', { brokerUrl: url });
      open.push({ app: stranger });
      heard.length = 0;
      await stranger.sendTask('tasks.set', ['c'], { queue: 'everyone' }).published;
      await eventually(() => expect([...heard].sort()).toEqual(['w1 c', 'w2 c', 'w3 c', 'w4 c']));
      const queues = await client.control.inspect({ destination: ['w4@test'], timeout: 20 }).activeQueues();
      expect(queues['w4@test']).toMatchObject([{ name: 'everyone', exchange: { type: 'fanout' } }]);
      const broker = await client.broker();
      expect([await broker.depth('everyone'), await broker.depth('celery')]).toEqual([0, 0]);
    });
  });
}
