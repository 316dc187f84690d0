/** One queue, a Python and a ctq worker: each takes its share and neither touches what the other holds. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'python'], 'a queue shared by a Python and a ctq worker', () => {
  const marks = tmpFolder();
  const env = { CTQ_TEST_MARKS: marks };
  const redis = forSuite(startRedis);
  const python = forSuite(() => startCeleryWorker({ broker: redis().url, backend: redis().url, env }));
  const worker = forSuite(() => startCtqWorker({ broker: redis().url, queues: ['celery', 'long'], env }));
  const app = forSuite(() => new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url }));

  const runs = (name: string): number => readdirSync(marks).filter((file) => file.startsWith(`${name}.begin.`)).length;

  it('is worked by both, and every task runs once', async () => {
    const names: string[] = [];
    // Who is quick may take all that is there: more comes until both have had some.
    await eventually(async () => {
      const more = Array.from({ length: 30 }, (_, index) => `both-${names.length + index}`);
      names.push(...more);
      const sent = more.map((name) => app().sendTask('tasks.marked', [name, 0.05]));
      await Promise.all(sent.map((task) => task.get({ timeout: 30 })));
      expect(worker().output).toContain('Task tasks.marked');
      expect(python().output).toContain('Task tasks.marked');
    });
    expect(names.filter((name) => runs(name) !== 1)).toEqual([]);
  });

  it('does not run a task of the ctq worker twice, however much longer than the visibility timeout it takes', async () => {
    // They go on until they are told.
    const sent = Array.from({ length: 3 }, () => app().sendTask('tasks.listen', [], { queue: 'long' }));
    // What Python workers do now and then, when they have been out for longer than that. Only while the scores are fresh: a machine that
    // stands still for a second proves nothing, and scores that nobody renews are never fresh.
    const looked = await runPython(
      `
        import time
        from kombu import Connection
        channel = Connection("${redis().url}", transport_options={"visibility_timeout": 2}).channel()
        begun, looks, restored, deadline = 0, 0, 0, time.time() + 40
        while looks < 10 and time.time() < deadline:
            time.sleep(0.1)
            scores = [score for _, score in channel.client.zrange(channel.unacked_index_key, 0, -1, withscores=True)]
            begun = begun or (time.time() if len(scores) == 3 else 0)
            if begun and time.time() - begun > 2.2 and time.time() - min(scores) < 1.5:
                channel.qos.restore_visible(interval=1, num=1000)
                restored += 3 - channel.client.hlen(channel.unacked_key)
                looks += 1
        result = [looks, restored]
      `,
      { broker: redis().url },
    );
    expect(looked).toEqual([10, 0]);
    await Promise.all(sent.map((task) => task.revoke()));
    for (const task of sent) expect(await task.get({ timeout: 30, propagate: false })).toMatchObject({ state: 'REVOKED' });
    expect(sent.map(({ id }) => worker().output.split(`tasks.listen[${id}] received`).length - 1)).toEqual([1, 1, 1]);
  });

  it('leaves no message behind', async () => {
    await eventually(async () => {
      expect([await redis().command('HLEN', 'unacked'), await redis().command('LLEN', 'celery')]).toEqual([0, 0]);
    });
  });
});
