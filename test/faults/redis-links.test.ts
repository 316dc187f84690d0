/** Connections to Redis that are cut, reset, silent or half heard: nothing is lost and nothing runs twice (M8, M9, M10, W11). */
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/broker.js';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { systemClock } from '../../src/clock.js';
import { RedisLink } from '../../src/connections/redis/link.js';
import { parseRedisUrl } from '../../src/connections/redis/url.js';
import { consume, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, taskMessage, toQueue } from '../contract/messages.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/proxy.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeBeside } from '../support/requires.js';

function open(url: string): RedisBroker {
  return openRedisBroker(url, { transportOptions: {}, connectTimeoutMs: Number.POSITIVE_INFINITY });
}

async function throughProxy(): Promise<{ redis: RedisServer; proxy: TcpProxy; near: RedisBroker; far: RedisBroker }> {
  const redis = await startRedis();
  const proxy = await TcpProxy.start(redis.port);
  return { redis, proxy, near: open(`redis://127.0.0.1:${proxy.port}/0`), far: open(redis.url) };
}

/** Settles after some time, as a task would. */
function working(ms: number, settled: string[] = []): DeliveryLog {
  return new DeliveryLog({
    onDeliver: (delivery: Delivery) => void setTimeout(() => void delivery.ack().then((how) => settled.push(how)), ms),
  });
}

describeBeside('redis', 'connections that break', () => {
  test('are not handed out again once a call over them has failed', async () => {
    const redis = await startRedis();
    const proxy = await TcpProxy.start(redis.port);
    const link = new RedisLink({
      addresses: parseRedisUrl(`redis://127.0.0.1:${proxy.port}/0`, { transportOptions: {} }),
      name: 'test',
      clock: systemClock,
      connectTimeoutMs: 30_000,
    });
    for (let round = 0; round < 5; round += 1) {
      const connection = await link.connection();
      const seen: { handedOut?: boolean } = {};
      proxy.hangUp();
      // A call in every turn of the event loop, so that one falls between the end of writing and the end of the socket.
      while (seen.handedOut === undefined) {
        connection.call('ping', []).catch(() => {
          seen.handedOut ??= link.now === connection;
        });
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(seen.handedOut).toBe(false);
    }
    await link.close();
  });

  test('ten times under load lose nothing and double nothing', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const [one, two] = [open(redis.url), open(redis.url)];
    const ids = idsOf('m', 1_500);
    const settled: string[] = [];
    const [first, second] = [working(15, settled), working(15, settled)];
    await consume(one, ['q'], 20, first);
    await consume(two, ['q'], 20, second);
    const sending = (async () => {
      for (let from = 0; from < ids.length; from += 10) {
        await send(one, 'q', ids.slice(from, from + 10));
      }
    })();
    for (let round = 0; round < 10; round += 1) {
      const before = first.deliveries.length + second.deliveries.length;
      await eventually(() => expect(first.deliveries.length + second.deliveries.length).toBeGreaterThan(before + 20), { intervalMs: 5 });
      await redis.command('CLIENT', 'KILL', 'SKIPME', 'yes');
    }
    await sending;
    const all = (): string[] => [...first.ids(), ...second.ids()];
    await eventually(() => expect(all().length).toBeGreaterThanOrEqual(ids.length), { timeoutMs: 30_000 });
    expect(all().sort()).toEqual(ids);
    await eventually(() => expect(settled).toHaveLength(ids.length));
    expect(new Set(settled)).toEqual(new Set(['settled']));
    await Promise.all([one.close(), two.close()]);
    expect(
      await redis.commands([
        ['HLEN', 'unacked'],
        ['ZCARD', 'unacked_index'],
        ['LLEN', 'q'],
      ]),
    ).toEqual([0, 0, 0]);
  });

  test('are there again within two seconds, and hold what they held', { timeout: 60_000 }, async () => {
    const { proxy, near, far } = await throughProxy();
    await send(far, 'q', ['held']);
    const log = new DeliveryLog();
    await consume(near, ['q'], 10, log);
    const held = await log.nth(0);
    proxy.cut();
    await log.until(() => log.calls.includes('disconnected'), 'disconnected');
    await send(far, 'q', ['next']);
    await log.nth(1, 20_000);
    expect(await held.ack()).toBe('settled');
    expect(log.ids()).toEqual(['held', 'next']);
    await Promise.all([near.close(), far.close()]);
  });

  test('are not stormed while nobody answers', { timeout: 60_000 }, async () => {
    const { proxy, near, far } = await throughProxy();
    const log = new DeliveryLog();
    await consume(near, ['q'], 10, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    await eventually(() => expect(proxy.connections).toBe(3));
    const before = proxy.accepted;
    proxy.mode = 'refuse';
    proxy.cut();
    const cutAt = performance.now();
    // Three connections: takes, broadcasts and rings, leases. The first retry comes sooner than a second.
    await eventually(() => expect(proxy.accepted - before).toBeGreaterThanOrEqual(3 * 5));
    expect(proxy.accepted - before).toBeLessThanOrEqual(3 * (2 + (performance.now() - cutAt) / 1000));
    proxy.mode = 'pass';
    await send(far, 'q', ['a']);
    await log.first(1, 20_000);
    await Promise.all([near.close(), far.close()]);
  });

  test('without a word are noticed within fifteen seconds', { timeout: 120_000 }, async () => {
    const { proxy, near, far } = await throughProxy();
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(near, ['q'], 10, log);
    await send(far, 'q', ['a']);
    await log.first(1);
    proxy.silence();
    await send(far, 'q', ['b']);
    // Nine to thirteen, and what the machine adds; whoever does not watch waits for its kernel, a quarter of an hour.
    await log.until(() => log.ids().includes('b'), 'b', 45_000);
    await Promise.all([near.close(), far.close()]);
  });
});

/** Lets calls through and cuts the line before their answers arrive. */
async function cutBeforeTheAnswer(proxy: TcpProxy, redis: RedisServer, executed: () => Promise<boolean>): Promise<void> {
  await eventually(async () => expect(await executed()).toBe(true), { intervalMs: 5 });
  proxy.cut();
  proxy.delayMs = 0;
  expect(await redis.command('PING')).toBe('PONG');
}

describeBeside('redis', 'a call without an answer', () => {
  const SLOW_MS = 250;

  test('that published is not repeated, nor are the others that were under way', { timeout: 60_000 }, async () => {
    const { redis, proxy, near, far } = await throughProxy();
    await send(near, 'other', ['warm-up']);
    proxy.delayMs = SLOW_MS;
    const ids = idsOf('m', 1_300);
    const sending = send(near, 'q', ids);
    await cutBeforeTheAnswer(proxy, redis, async () => (await far.depth('q')) >= 1_000);
    await sending;
    const sent = (await redis.command('LRANGE', 'q', '0', '-1')) as readonly string[];
    expect(sent.map((text) => (JSON.parse(text) as { headers: { id: string } }).headers.id).sort()).toEqual([...ids].sort());
    await Promise.all([near.close(), far.close()]);
  });

  test('that did not reach the server is repeated', { timeout: 60_000 }, async () => {
    const { proxy, near, far } = await throughProxy();
    await send(near, 'other', ['warm-up']);
    proxy.delayMs = SLOW_MS;
    const sending = send(near, 'q', idsOf('m', 1_300));
    setTimeout(() => {
      proxy.cut();
      proxy.delayMs = 0;
    }, SLOW_MS / 4);
    await sending;
    expect(await far.depth('q')).toBe(1_300);
    await Promise.all([near.close(), far.close()]);
  });

  test('is not repeated either when the producer, told of a failure, publishes the same message again', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const proxy = await TcpProxy.start(redis.port);
    const near = openRedisBroker(`redis://127.0.0.1:${proxy.port}/0`, { transportOptions: {}, connectTimeoutMs: 2_000 });
    await eventually(() => send(near, 'other', ['warm-up']));
    const message = taskMessage('a');
    // It reads the call only when the way back is blocked.
    redis.freeze();
    const sending = near.publish(message, toQueue('q'));
    const failed = expect(sending).rejects.toThrow(/cannot reach/);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    proxy.mode = 'swallow';
    redis.thaw();
    await eventually(async () => expect(await redis.command('LLEN', 'q')).toBe(1), { intervalMs: 5 });
    proxy.mode = 'refuse';
    proxy.cut();
    await failed;
    proxy.mode = 'pass';
    await eventually(() => near.publish(message, toQueue('q')));
    expect(await redis.command('LLEN', 'q')).toBe(1);
    await near.publish(taskMessage('b'), toQueue('q'));
    expect(await redis.command('LLEN', 'q')).toBe(2);
    await near.close();
  });

  test('that took messages gives them back untouched', { timeout: 60_000 }, async () => {
    const { redis, proxy, near, far } = await throughProxy();
    const log = new DeliveryLog();
    await consume(near, ['q'], 10, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    proxy.delayMs = SLOW_MS;
    await send(far, 'q', ['a', 'b']);
    await cutBeforeTheAnswer(proxy, redis, async () => (await redis.command('HLEN', 'unacked')) === 2);
    const deliveries = await log.first(2, 20_000);
    expect(log.ids()).toEqual(['a', 'b']);
    expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([false, false]);
    for (const delivery of deliveries) expect(await delivery.ack()).toBe('settled');
    await Promise.all([near.close(), far.close()]);
    expect(await redis.command('HLEN', 'unacked')).toBe(0);
  });

  test('that settled counts as settled', { timeout: 60_000 }, async () => {
    const { redis, proxy, near, far } = await throughProxy();
    await send(far, 'q', ['a', 'b', 'c']);
    const log = new DeliveryLog();
    await consume(near, ['q'], 10, log);
    const [a, b, c] = (await log.first(3)) as [Delivery, Delivery, Delivery];
    proxy.delayMs = SLOW_MS;
    const answers = [a.ack(), b.reject('no'), c.requeue('back')];
    await cutBeforeTheAnswer(proxy, redis, async () => (await redis.command('LLEN', 'ctq:dead:q')) === 1);
    expect(await Promise.all(answers)).toEqual(['settled', 'settled', 'settled']);
    expect((await log.nth(3)).redeliveryCount).toBe(1);
    expect(await redis.command('LLEN', 'ctq:dead:q')).toBe(1);
    await Promise.all([near.close(), far.close()]);
    expect(await redis.command('LLEN', 'q')).toBe(1);
  });
});
