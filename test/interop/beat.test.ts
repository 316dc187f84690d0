/** What our beat sends, a Python worker runs: it is a task message like others. */
import { afterAll, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { beatApp, launchCtqBeat } from '../support/ctq-beat.js';
import { startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

describeWith(['redis', 'python'], 'a Python worker behind a ctq beat', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  it('runs the firings, by the ids that the log of the beat names', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const worker = await startCeleryWorker({ broker: redis.url, backend: redis.urlOf(1), queues: ['celery', 'other'] });
    closing.push(() => worker.kill());
    const beat = launchCtqBeat({
      folder: beatApp(`
        app.conf.beatSchedule = {
          add: { task: 'tasks.add', schedule: 1, args: [3, 4] },
          mul: { task: 'tasks.mul', schedule: crontab(), args: [3], kwargs: { y: 5 }, options: { queue: 'other', expires: 60, headers: { periodic_task_name: 'mul' } } },
        };`),
      broker: redis.url,
    });
    closing.push(() => beat.kill());
    const [, id = ''] = await beat.waitForOutput(/tasks\.add sent\. id->(\S+)/);
    const app = new Ctq('asking', { brokerUrl: redis.url, resultBackend: redis.urlOf(1) });
    closing.push(() => app.close());
    expect(await app.AsyncResult(id).get({ timeout: 30 })).toBe(7);
    expect((await beat.stop()).code).toBe(0);
  });
});
