/** One queue, a Python and a ctq worker: each takes its share and neither touches what the other holds. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'python'], 'a queue shared by a Python and a ctq worker', () => {
  const marks = tmpFolder();
  // Shorter than the tasks below: whoever did not renew its leases would see them run twice.
  const conf = { broker_transport_options: { visibility_timeout: 2 } };

  const env = { CTQ_TEST_MARKS: marks };
  const redis = forSuite(startRedis);
  const python = forSuite(() => startCeleryWorker({ broker: redis().url, backend: redis().url, conf, env }));
  const worker = forSuite(() => startCtqWorker({ broker: redis().url, env }));
  const app = forSuite(() => new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url }));

  const runs = (name: string): number => readdirSync(marks).filter((file) => file.startsWith(`${name}.begin.`)).length;

  it('is worked by both, and every task runs once', async () => {
    const sent = Array.from({ length: 60 }, (_, i) => app().sendTask('tasks.marked', [`both-${i}`, 0.05]));
    await Promise.all(sent.map((task) => task.get({ timeout: 30 })));
    expect(sent.map((_, i) => runs(`both-${i}`)).filter((count) => count !== 1)).toEqual([]);
    expect(worker().output).toContain('Task tasks.marked');
    expect(python().output).toContain('Task tasks.marked');
  });

  it('does not run a task of the ctq worker twice, however much longer than the visibility timeout it takes', async () => {
    // Enough of them that the Python worker is busy with one and the rest is ours.
    const sent = Array.from({ length: 5 }, (_, i) => app().sendTask('tasks.late', [`long-${i}`, 6]));
    await Promise.all(sent.map((task) => task.get({ timeout: 60 })));
    expect(sent.map((_, i) => runs(`long-${i}`))).toEqual([1, 1, 1, 1, 1]);
  });

  it('leaves no message behind', async () => {
    await eventually(async () => {
      expect([await redis().command('HLEN', 'unacked'), await redis().command('LLEN', 'celery')]).toEqual([0, 0]);
    });
  });
});
