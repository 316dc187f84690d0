/** Views that are drawn again and again, through a restart of the server: it is then that somebody watches. */
import { expect, test } from 'vitest';
import { Ctq } from '../../src/index.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

describeWith('redis', 'ctq queues --watch', () => {
  test('outlives a restart of the server', { timeout: 120_000 }, async () => {
    const redis = await startRedis({ appendonly: 'always' });
    const app = new Ctq('client', { brokerUrl: redis.url });
    await app.sendTask('tasks.add', [1, 2], { queue: 'mail' }).published;
    await app.close();
    const watching = startCtq(['queues', '--watch', '--interval', '0.2', '-b', redis.url, '--connect-timeout', '3']);
    await watching.waitForOutput(/mail\t1/, 30_000);
    await redis.stop();
    await watching.waitForOutput(/trying again/, 30_000);
    await redis.start();
    await watching.waitForOutput(/trying again\n(?:(?!mail)[\s\S])*mail\t1/, 30_000);
    watching.signal('SIGINT');
    expect(await watching.waitForExit()).toMatchObject({ code: 130 });
    await redis.stop();
  });
});

describeWith('redis', 'ctq queues at an empty database', () => {
  test('names the one beside it that is not', async () => {
    const redis = await startRedis();
    await redis.command('SET', 'x', '1');
    const { code, stdout, stderr } = await runCtq(['queues', '-b', redis.urlOf(5)]);
    expect([code, stdout, stderr]).toEqual([
      0,
      '',
      expect.stringContaining('ctq: note: database 0 of this server has 1 key: was that one meant?\n'),
    ]);
    await redis.stop();
  });
});
