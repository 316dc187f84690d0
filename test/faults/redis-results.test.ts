/** Results on Redis while the server is away, and many who wait over one connection. */
import { expect, test } from 'vitest';
import { openRedisResultBackend, type RedisResultBackend } from '../../src/result-backends/redis.js';
import { idsOf } from '../contract/messages.js';
import { resultMeta } from '../contract/metas.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/proxy.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

function open(url: string, transportOptions: Readonly<Record<string, unknown>> = {}): RedisResultBackend {
  return openRedisResultBackend(url, { transportOptions, connectTimeoutMs: 30_000, resultExpires: 600 });
}

async function channels(redis: RedisServer): Promise<number> {
  return ((await redis.command('PUBSUB', 'CHANNELS', 'celery-task-meta-*')) as string[]).length;
}

describeWith('redis', 'results on Redis', () => {
  test('a thousand who wait share one connection, and leave no subscription behind', async () => {
    const redis = await startRedis();
    const [waiting, storing] = [open(redis.url), open(redis.url)];
    const ids = idsOf('t', 1_000);
    const results = Promise.all(ids.map((id) => waiting.wait(id, {})));
    await eventually(async () => expect(await channels(redis)).toBe(1_000));
    // One to listen and one to look, which is opened after it; and the test's own.
    await eventually(async () => {
      const clients = ((await redis.command('CLIENT', 'LIST')) as string).trim().split('\n');
      expect(clients.filter((line) => line.includes('name=ctq-results'))).toHaveLength(2);
    });
    await Promise.all(ids.map((id) => storing.store(resultMeta(id, 'SUCCESS', id))));
    expect((await results).map(({ result }) => result)).toEqual(ids);
    await eventually(async () => expect(await channels(redis)).toBe(0));
    await Promise.all([waiting.close(), storing.close()]);
  });

  test('a result announced while the line was cut is found when it is back', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const proxy = await TcpProxy.start(redis.port);
    const [waiting, storing] = [open(`redis://127.0.0.1:${proxy.port}/0`), open(redis.url)];
    const states: string[] = [];
    const results = ['a', 'b', 'c'].map((id) => waiting.wait(id, { onUpdate: ({ status }) => void states.push(status) }));
    await eventually(async () => expect(await channels(redis)).toBe(3));
    proxy.mode = 'refuse';
    proxy.cut();
    await storing.store(resultMeta('a', 'SUCCESS', 1));
    await storing.store(resultMeta('b', 'STARTED'));
    proxy.mode = 'pass';
    expect((await (results[0] as Promise<{ result: unknown }>)).result).toBe(1);
    await eventually(() => expect(states).toEqual(['STARTED']));
    await storing.store(resultMeta('b', 'SUCCESS', 2));
    await storing.store(resultMeta('c', 'SUCCESS', 3));
    expect(await Promise.all(results)).toMatchObject([{ result: 1 }, { result: 2 }, { result: 3 }]);
    await Promise.all([waiting.close(), storing.close()]);
  });

  test('are stored once the server is back within the time given', { timeout: 60_000 }, async () => {
    const redis = await startRedis({ appendonly: 'always' });
    const backend = open(redis.url);
    await backend.store(resultMeta('before', 'SUCCESS'));
    await redis.kill();
    const storing = backend.store(resultMeta('while-away', 'SUCCESS'));
    await redis.start();
    await storing;
    expect(await redis.command('EXISTS', 'celery-task-meta-while-away', 'celery-task-meta-before')).toBe(2);
    await backend.close();
  });

  test('go to Celery’s keys with its time to live, and to its channel, with its prefix rule', async () => {
    const redis = await startRedis();
    for (const [prefix, key] of [
      ['', 'celery-task-meta-t'],
      ['myapp', 'myapp_celery-task-meta-t'],
      ['myapp:', 'myapp:celery-task-meta-t'],
    ] as const) {
      const backend = open(redis.url, prefix === '' ? {} : { global_keyprefix: prefix });
      const waiting = backend.wait('t', {});
      await eventually(async () => expect(await redis.command('PUBSUB', 'NUMSUB', key)).toEqual([key, 1]));
      await backend.store(resultMeta('t', 'SUCCESS', { n: 1 }));
      expect((await waiting).result).toEqual({ n: 1 });
      expect(JSON.parse((await redis.command('GET', key)) as string)).toMatchObject({ status: 'SUCCESS', result: { n: 1 }, task_id: 't' });
      const ttl = Number(await redis.command('TTL', key));
      expect([ttl, ttl > 540 && ttl <= 600]).toEqual([ttl, true]);
      await backend.forget('t');
      expect(await redis.command('EXISTS', key)).toBe(0);
      await backend.close();
    }
    const forever = openRedisResultBackend(redis.url, { transportOptions: {}, connectTimeoutMs: 30_000, resultExpires: null });
    await forever.store(resultMeta('t', 'SUCCESS'));
    expect(await redis.command('TTL', 'celery-task-meta-t')).toBe(-1);
    await forever.close();
  });
});
