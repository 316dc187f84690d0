/** A Redis user with only what docs/wire/redis.md asks for (RELIABILITY S15). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Delivery } from '../../src/broker.js';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { openSettlement } from '../../src/settlement.js';
import { consume, declare, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { resultMeta } from '../contract/metas.js';
import { eventually } from '../support/eventually.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

/** The commands in the section "Permissions". */
function documented(): string[] {
  const text = readFileSync(new URL('../../docs/wire/redis.md', import.meta.url), 'utf8').split('## Permissions')[1] ?? '';
  return [...text.matchAll(/`([^`]+)`/g)].flatMap(([, commands = '']) => commands.split(/\s+/)).filter((word) => /^[A-Z|]{3,}$/.test(word));
}

async function userWith(redis: RedisServer, commands: readonly string[]): Promise<string> {
  await redis.command(
    'ACL',
    'SETUSER',
    'worker',
    'on',
    '>pw',
    '~*',
    '&*',
    '-@all',
    ...commands.map((command) => `+${command.toLowerCase()}`),
  );
  return `redis://worker:pw@127.0.0.1:${redis.port}/0`;
}

const FAILURE = {
  ...{ taskId: '', task: 'tasks.fail', queue: 'q', exceptionType: 'Error', exceptionMessage: 'no' },
  ...{ traceback: null, worker: 'w@h', retries: 0, atMs: 0 },
};

async function everything(broker: RedisBroker, url: string, redis: RedisServer): Promise<void> {
  const options = { transportOptions: {}, connectTimeoutMs: 30_000 };
  const backend = openRedisResultBackend(url, { ...options, resultExpires: 60 });
  const settlement = openSettlement(broker, backend);
  await declare(broker, 'q');
  await send(broker, 'q', ['done', 'front', 'dead', 'parked', 'failed', 'failed too']);
  const log = new DeliveryLog();
  const consumer = await consume(broker, ['q'], 6, log);
  const [done, front, dead, parked, ...failed] = (await log.first(6)) as [Delivery, Delivery, Delivery, Delivery, Delivery, Delivery];
  const result = backend.wait('done', {});
  expect(await settlement.complete(done, resultMeta('done', 'SUCCESS'))).toBe('settled');
  expect((await result).status).toBe('SUCCESS');
  for (const [index, delivery] of failed.entries()) {
    const note = { ...FAILURE, taskId: `failed-${index}`, atMs: Date.now() };
    expect(await delivery.fail?.({ note, kept: 1, keptForS: index * 60, maxBytes: 0 })).toBe('settled');
  }
  expect(await redis.command('HKEYS', 'ctq:failed')).toEqual(['failed-1']);
  await Promise.all([front.requeue('front'), dead.reject('no'), parked.park(new Date(Date.now() + 1_000))]);
  await log.until(() => log.ids().filter((id) => id === 'front').length === 2, 'front again');
  await log.until(() => log.ids().filter((id) => id === 'parked').length === 2, 'parked again');
  // The lease thread may do its part, too.
  const beatOf = async (): Promise<unknown> => ((await redis.command('ZRANGE', 'ctq:workers', 0, 0, 'WITHSCORES')) as string[])[1];
  const before = await beatOf();
  await eventually(async () => expect(await beatOf()).not.toBe(before));
  await consumer.close();
  expect(await broker.depth('q')).toBe(2);
  expect(await broker.purge('q')).toBe(2);
  const heard: string[] = [];
  const subscription = await broker.subscribe(
    { name: 'oid.reply.celery.pidbox', exchange: { name: 'reply.celery.pidbox', type: 'direct' }, routingKey: 'oid', autoDelete: true },
    ({ headers }) => void heard.push(String(headers['id'])),
  );
  await broker.publish(
    { headers: { id: 'reply' }, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from('{}') },
    { exchange: { name: 'reply.celery.pidbox', type: 'direct' }, routingKey: 'oid' },
  );
  await eventually(() => expect(heard).toEqual(['reply']));
  await subscription.close();
  const orders: string[] = [];
  const pidbox = { name: 'celery.pidbox', type: 'fanout' } as const;
  const mailbox = await broker.subscribe(
    { name: 'w@h.celery.pidbox', exchange: pidbox, routingKey: '', autoDelete: true },
    ({ headers }) => void orders.push(String(headers['id'])),
  );
  const order = {
    headers: { id: 'ping' },
    properties: {},
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from('{}'),
  };
  expect(await broker.broadcast(order, { exchange: pidbox, routingKey: '' })).toBe(1);
  await eventually(() => expect(orders).toEqual(['ping']));
  await mailbox.close();
  await broker.revocations.add(['a', 'b'], 60_000);
  expect(await broker.revocations.all()).toEqual(['a', 'b']);
  expect(log.disconnections).toEqual([]);
  await backend.close();
}

describeWith('redis', 'a Redis user with few permissions', () => {
  test('does everything with those that the documentation lists', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const commands = documented();
    expect(commands.length).toBeGreaterThan(40);
    const url = await userWith(redis, commands);
    const broker = openRedisBroker(url, { transportOptions: {}, connectTimeoutMs: 30_000 });
    await everything(broker, url, redis);
    await broker.close();
    const refused = (await redis.command('ACL', 'LOG')) as string[][];
    expect(refused.map((entry) => entry[entry.indexOf('object') + 1])).toEqual([]);
  });

  test('is not rung for when it may not ask for it, and looks by itself', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const url = await userWith(
      redis,
      documented().filter((command) => !command.startsWith('CLIENT') && command !== 'SCRIPT|LOAD'),
    );
    const broker = openRedisBroker(url, { transportOptions: {}, connectTimeoutMs: 30_000 });
    await everything(broker, url, redis);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q'], 4, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      const sentAt = performance.now();
      await send(broker, 'q', [`m${round}`]);
      await log.nth(round);
      waits.push(performance.now() - sentAt);
    }
    // It looks every 50 ms at the least; one that trusts in being rung for looks every second, and has just looked each time. Some of these
    // may have fallen into a moment at which the machine stood still.
    expect(waits.sort((a, b) => a - b)[2]).toBeLessThan(300);
    await broker.close();
  });
});
