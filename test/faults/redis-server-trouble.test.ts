/** A Redis server that freezes, crashes, fills up or turns read-only: states to be waited for, never an end (M6, M7, M11, M12). */
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/broker.js';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { BrokerError } from '../../src/errors.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { openSettlement } from '../../src/settlement.js';
import { consume, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, taskMessage, toQueue } from '../contract/messages.js';
import { resultMeta } from '../contract/metas.js';
import { eventually, throughout } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeBeside } from '../support/requires.js';

function open(url: string, connectTimeoutMs = Number.POSITIVE_INFINITY): RedisBroker {
  return openRedisBroker(url, { transportOptions: {}, connectTimeoutMs });
}

async function failureOf(promise: Promise<unknown>): Promise<BrokerError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  return error as BrokerError;
}

async function nothingUnacked(redis: RedisServer): Promise<void> {
  expect(
    await redis.commands([
      ['HLEN', 'unacked'],
      ['ZCARD', 'unacked_index'],
    ]),
  ).toEqual([0, 0]);
}

async function beatOf(redis: RedisServer): Promise<number> {
  const [, beat] = (await redis.command('ZRANGE', 'ctq:workers', 0, 0, 'WITHSCORES')) as string[];
  return Number(beat);
}

describeBeside('redis', 'a server that freezes for ten seconds', () => {
  test('steals nothing from anybody, and work goes on', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const [one, two] = [open(redis.url), open(redis.url)];
    await send(one, 'q', idsOf('m', 4));
    const [first, second] = [new DeliveryLog(), new DeliveryLog()];
    await consume(one, ['q'], 2, first);
    await first.first(2);
    await consume(two, ['q'], 2, second);
    await second.first(2);
    redis.freeze();
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    redis.thaw();
    // Longer than an owner may be silent, counted from the thaw.
    await throughout(9_000, () => {
      expect([...first.fencedOnes, ...second.fencedOnes]).toEqual([]);
      expect(first.deliveries.length + second.deliveries.length).toBe(4);
    });
    for (const delivery of [...first.deliveries, ...second.deliveries]) expect(await delivery.ack()).toBe('settled');
    await Promise.all([one.close(), two.close()]);
    await nothingUnacked(redis);
  });
});

describeBeside('redis', 'a server that crashes and comes back with its append-only file', () => {
  test('finds the consumer again by itself; nothing is lost and what was held is still held', { timeout: 120_000 }, async () => {
    const redis = await startRedis({ appendonly: 'always' });
    const broker = open(redis.url);
    const settlement = openSettlement(
      broker,
      openRedisResultBackend(redis.url, { transportOptions: {}, connectTimeoutMs: Number.POSITIVE_INFINITY, resultExpires: 60 }),
    );
    const ids = idsOf('m', 300);
    await send(broker, 'q', ids);
    const settled: string[] = [];
    const log = new DeliveryLog({
      onDeliver: (delivery: Delivery) => {
        const id = String(delivery.message.headers['id']);
        setTimeout(() => void settlement.complete(delivery, resultMeta(id, 'SUCCESS')).then((how) => settled.push(how)), 20);
      },
    });
    await consume(broker, ['q'], 10, log);
    await log.first(50);
    await redis.kill();
    await log.until(() => log.disconnections.length > 0, 'disconnected');
    expect(log.disconnections[0]?.code).toBe('CTQ_BROKER_UNREACHABLE');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const sending = send(broker, 'q', ['while-away']);
    await redis.start();
    const before = log.deliveries.length;
    await log.until(() => log.deliveries.length > before, 'the first delivery afterwards', 20_000);
    await sending;
    await log.until(() => new Set(log.ids()).size === 301, 'all of them', 45_000);
    await eventually(async () => expect(await redis.command('HLEN', 'unacked')).toBe(0));
    expect(log.ids().length).toBe(301);
    expect(new Set(settled)).toEqual(new Set(['settled']));
    expect((await redis.command('KEYS', 'celery-task-meta-*')) as string[]).toHaveLength(301);
    await broker.close();
  });

  test('is told about by publishers that do not wait, in one clear line', async () => {
    const redis = await startRedis();
    const broker = open(redis.url, 2_000);
    await eventually(() => send(broker, 'q', ['a']));
    await redis.kill();
    const started = performance.now();
    const error = await failureOf(broker.publish(taskMessage('b'), toQueue('q')));
    expect(error.code).toBe('CTQ_BROKER_UNREACHABLE');
    expect(error.message).toBe(`cannot reach the broker at redis://127.0.0.1:${redis.port}/0: connection refused`);
    expect(performance.now() - started).toBeLessThan(20_000);
    await broker.close();
  });
});

describeBeside('redis', 'a server that is away when we stop', () => {
  test('does not keep us: what could not be sent is told so, and what is held is left to the others', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    await send(broker, 'q', ['a']);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 10, log);
    const held = await log.nth(0);
    await broker.subscribe(
      { name: 'oid.reply.celery.pidbox', exchange: { name: 'reply.celery.pidbox', type: 'direct' }, routingKey: 'oid', autoDelete: true },
      () => {},
    );
    await redis.kill();
    await log.until(() => log.disconnections.length > 0, 'disconnected');
    const unsent = failureOf(broker.publish(taskMessage('x'), toQueue('q')));
    const answer = held.ack();
    const started = performance.now();
    await broker.close();
    // It gives its last calls two seconds; without that limit it would wait for the server.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect((await unsent).code).toBe('CTQ_BROKER_CLOSED');
    expect(await answer).toBe('fenced');
  });
});

describeBeside('redis', 'a server that is out of memory', () => {
  test('still lets deliveries be taken, completed, given back and put aside, for that is what empties it', async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    const settlement = openSettlement(
      broker,
      openRedisResultBackend(redis.url, { transportOptions: {}, connectTimeoutMs: 30_000, resultExpires: 60 }),
    );
    await send(broker, 'q', idsOf('m', 8));
    const log = new DeliveryLog();
    const consumer = await consume(broker, ['q'], 4, log);
    const [a, b, c, d] = (await log.first(4)) as [Delivery, Delivery, Delivery, Delivery];
    consumer.setPrefetch(10);
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    expect((await failureOf(broker.publish(taskMessage('x'), toQueue('q')))).message).toMatch(/failed: the server is out of memory$/);
    expect(await settlement.complete(a, resultMeta('m-00000', 'SUCCESS'))).toBe('settled');
    expect(await b.ack()).toBe('settled');
    expect(await c.reject('no')).toBe('settled');
    expect(await d.park(new Date(Date.now() + 2_500))).toBe('settled');
    expect(await redis.command('EXISTS', 'celery-task-meta-m-00000')).toBe(1);
    // The lease thread beats on.
    const beat = await beatOf(redis);
    await eventually(async () => expect(await beatOf(redis)).toBeGreaterThan(beat));
    await log.until(() => log.ids().filter((id) => id === 'm-00003').length === 2, 'what was parked', 30_000);
    expect(log.disconnections).toEqual([]);
    await consumer.close();
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
    // Four that were never answered, and what was parked, came and was not answered either.
    expect(await broker.depth('q')).toBe(5);
    await broker.close();
  });
});

describeBeside('redis', 'a server that says no for a while', () => {
  test('as a read-only replica is asked again until it is a master', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 10, log);
    await send(broker, 'q', ['a']);
    const held = await log.nth(0);
    await redis.commands([
      ['CONFIG', 'SET', 'replica-read-only', 'yes'],
      ['REPLICAOF', '127.0.0.1', '1'],
    ]);
    const answer = held.ack();
    await log.until(() => log.disconnections.length >= 2, 'two refusals', 20_000);
    expect(log.disconnections[0]?.code).toBe('CTQ_BROKER_FAILED');
    expect(log.disconnections[0]?.message).toMatch(/read-only replica/);
    await redis.command('REPLICAOF', 'NO', 'ONE');
    expect(await answer).toBe('settled');
    await send(broker, 'q', ['b']);
    await log.nth(1, 20_000);
    await broker.close();
  });

  test('for want of a password is asked again until it lets us in', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 10, log);
    await send(broker, 'q', ['a']);
    const held = await log.nth(0);
    await redis.commands([
      ['CONFIG', 'SET', 'requirepass', 'secret'],
      ['AUTH', 'secret'],
      ['CLIENT', 'KILL', 'SKIPME', 'yes'],
    ]);
    await log.until(() => log.disconnections.some((error) => error.code === 'CTQ_BROKER_REFUSED'), 'a refusal');
    expect(log.disconnections.find((error) => error.code === 'CTQ_BROKER_REFUSED')?.message).toMatch(/the server wants a password/);
    await redis.commands([
      ['AUTH', 'secret'],
      ['CONFIG', 'SET', 'requirepass', ''],
    ]);
    expect(await held.ack()).toBe('settled');
    await broker.close();
  });

  test('with a wrong password fails a single call at once, and names no secret', async () => {
    const redis = await startRedis({ password: 'right' });
    const broker = open(`redis://:wrong@127.0.0.1:${redis.port}/0`, 60_000);
    const started = performance.now();
    const error = await failureOf(broker.depth('q'));
    expect(error.code).toBe('CTQ_BROKER_REFUSED');
    expect(error.message).toBe(`the broker at redis://:**@127.0.0.1:${redis.port}/0 refused us: wrong user name or password`);
    // The time for connecting is a minute.
    expect(performance.now() - started).toBeLessThan(30_000);
    await broker.close();
  });

  test('when nobody listens fails a single call at once', async () => {
    const broker = open('redis://127.0.0.1:1/0', 60_000);
    const started = performance.now();
    expect((await failureOf(broker.depth('q'))).code).toBe('CTQ_BROKER_UNREACHABLE');
    // The time for connecting is a minute.
    expect(performance.now() - started).toBeLessThan(30_000);
    await broker.close();
  });

  test('when the server accepts and does not answer fails a call in the time given', async () => {
    const redis = await startRedis();
    redis.freeze();
    const broker = open(redis.url, 800);
    const started = performance.now();
    const error = await failureOf(broker.depth('q'));
    expect(error.message).toMatch(/no answer within 0\.8 s$/);
    expect(performance.now() - started).toBeLessThan(20_000);
    redis.thaw();
    await broker.close();
  });
});
