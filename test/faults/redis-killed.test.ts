/** kill -9 of clients of the Redis broker, at every step: nothing is lost, and work is elsewhere within ten seconds (M1, M2, M5, M31). */
import { expect, test } from 'vitest';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { consume, send } from '../contract/broker/verbs.js';
import { DeliveryLog } from '../contract/delivery-log.js';
import { idsOf, taskMessage, toQueue } from '../contract/messages.js';
import { startProgram } from '../support/child-program.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeBeside } from '../support/requires.js';

const PROGRAM = 'faults/programs/redis-client.ts';
/**
 * Ten seconds: seven of silence, a second to notice, and what a busy machine adds. Whoever was kept from looking for two and a half of them
 * begins to count anew (docs/decisions/0003), so here is time for several beginnings; without a rescuer it would be an hour.
 */
const TAKEN_OVER_MS = 45_000;

function open(url: string): RedisBroker {
  return openRedisBroker(url, { transportOptions: {}, connectTimeoutMs: 30_000 });
}

function said(program: OwnedProcess, letter: string): string[] {
  return [...program.stdout.matchAll(new RegExp(`^${letter} (\\S+)`, 'gm'))].map((match) => match[1] as string);
}

async function saidOften(program: OwnedProcess, letter: string, count: number): Promise<void> {
  const missing = (): string => `only ${said(program, letter).length} of ${count} times ${letter}; stderr: ${program.stderr}`;
  await eventually(() => expect(said(program, letter).length >= count, missing()).toBe(true), { timeoutMs: 45_000, intervalMs: 10 });
}

/** Whatever kombu would still find of unanswered deliveries. */
async function leftovers(redis: RedisServer, database = 0): Promise<unknown[]> {
  return (
    await redis.commands([
      ['SELECT', database],
      ['HLEN', 'unacked'],
      ['ZCARD', 'unacked_index'],
      ['ZCARD', 'ctq:workers'],
    ])
  ).slice(1);
}

describeBeside('redis', 'a consumer killed with SIGKILL', () => {
  test('is found dead, and its deliveries run elsewhere in their order, marked and from their own priority list', {
    timeout: 120_000,
  }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    const ids = idsOf('m', 6);
    await send(broker, 'q', ids.slice(0, 3), 0);
    await send(broker, 'q', ids.slice(3), 9);
    const victim = await startProgram(PROGRAM, ['hold', redis.url, 'q', '10'], { input: 'open' });
    await saidOften(victim, 'T', 6);
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q'], 10, log);
    await log.until(() => log.calls.includes('connected'), 'connected');
    await victim.kill();
    await log.first(6, TAKEN_OVER_MS);
    expect(log.ids()).toEqual(ids);
    for (const delivery of log.deliveries) {
      expect(delivery).toMatchObject({ redelivered: true, redeliveryCount: 1 });
      expect(delivery.message.headers['redelivered']).toBe(true);
      expect(delivery.message.properties.deliveryInfo?.redelivered).toBe(true);
    }
    await broker.close();
    expect(await leftovers(redis)).toEqual([0, 0, 0]);
  });

  test('is found dead by a process that starts afterwards', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    await send(broker, 'q', ['a']);
    const victim = await startProgram(PROGRAM, ['hold', redis.url, 'q', '10'], { input: 'open' });
    await saidOften(victim, 'T', 1);
    await victim.kill();
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q'], 10, log);
    await log.first(1, TAKEN_OVER_MS);
    await broker.close();
  });

  test('while it was frozen only has its answers ignored: the others have its work', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    await send(broker, 'q', ['a', 'b']);
    const frozen = await startProgram(PROGRAM, ['hold', redis.url, 'q', '10'], { input: 'open' });
    await saidOften(frozen, 'T', 2);
    const log = new DeliveryLog();
    await consume(broker, ['q'], 10, log);
    frozen.signal('SIGSTOP');
    await log.first(2, TAKEN_OVER_MS);
    // Told to answer before it can hear that it has lost them.
    frozen.write('ack\n');
    frozen.signal('SIGCONT');
    await eventually(() => expect(frozen.stdout).toMatch(/^(S a fenced|F (.* )?a\b)/m));
    await eventually(() => expect(frozen.stdout).toMatch(/^(S b fenced|F (.* )?b\b)/m));
    expect(frozen.stdout).not.toContain('settled');
    for (const delivery of log.deliveries) expect(await delivery.ack()).toBe('settled');
    await broker.close();
    await frozen.kill();
  });

  test('parks nothing in its memory: what it parked comes at its time', { timeout: 120_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    await send(broker, 'q', ['later']);
    const victim = await startProgram(PROGRAM, ['hold', redis.url, 'q', '10'], { input: 'open' });
    await saidOften(victim, 'T', 1);
    // Long enough for it to be dead by then.
    const dueAt = Date.now() + 6_000;
    victim.write('park 6000\n');
    await saidOften(victim, 'S', 1);
    await victim.kill();
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q'], 10, log);
    // At its time, and not when its worker is found dead: it would be a redelivery then.
    expect((await log.nth(0, TAKEN_OVER_MS)).redelivered).toBe(false);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt - 50);
    await broker.close();
  });
});

/** Each place around a round trip where a client may die; `:n` dies the n-th time. */
const CONSUMER_POINTS = [
  'redis.take.sent',
  'redis.take.answered',
  'redis.take.delivered',
  'redis.settle.sent',
  'redis.settle.answered',
  'redis.renew.sent',
  'redis.renew.answered',
] as const;
const ANSWER_POINTS = ['redis.answer.sent', 'redis.answer.answered'] as const;

describeBeside('redis', 'a client killed at a step', () => {
  test('of taking and answering loses nothing, in every place', { timeout: 240_000 }, async () => {
    const redis = await startRedis();
    const scenarios = [
      ...CONSUMER_POINTS.flatMap((point) => [1, 3].map((pass) => ({ fault: `${point}:${pass}`, role: 'consume', verb: '' }))),
      ...ANSWER_POINTS.flatMap((point) => ['front', 'reject'].map((verb) => ({ fault: `${point}:1`, role: 'hold', verb }))),
    ];
    const ids = idsOf('m', 30);
    const runs = scenarios.map(async ({ fault, role, verb }, index) => {
      // Databases are many, so all of them can die at once.
      const url = redis.urlOf(index % 16);
      const queue = `q${index}`;
      const broker = open(url);
      await Promise.all(ids.map((id) => broker.publish(taskMessage(id), toQueue(queue))));
      const victim = await startProgram(PROGRAM, [role, url, queue, '4', '1'], {
        input: 'open',
        env: { ...process.env, CTQ_FAULT: fault },
      });
      if (verb !== '') {
        await saidOften(victim, 'T', 4);
        victim.write(`${verb}\n`);
      }
      expect((await victim.waitForExit(60_000)).signal, fault).toBe('SIGKILL');
      const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
      const consumer = await consume(broker, [queue], 50, log);
      const letters = async (): Promise<string[]> => {
        const raws = (
          await redis.commands([
            ['SELECT', index % 16],
            ['LRANGE', `ctq:dead:${queue}`, 0, -1],
          ])
        )[1] as string[];
        return raws.map((raw) => /"id": ?"([^"]*)"/.exec(raw)?.[1] ?? '');
      };
      // Done by the victim, as far as the server heard of it; done by us; or put aside on demand.
      const stored = async (): Promise<string[]> => {
        const keys = (
          await redis.commands([
            ['SELECT', index % 16],
            ['KEYS', 'celery-task-meta-*'],
          ])
        )[1] as string[];
        return keys.map((key) => key.slice('celery-task-meta-'.length));
      };
      const places = async (): Promise<string[]> => [...log.ids(), ...(role === 'consume' ? await stored() : []), ...(await letters())];
      await eventually(async () => expect(new Set(await places()), fault).toEqual(new Set(ids)), { timeoutMs: 60_000, intervalMs: 200 });
      // Somebody else in the same database may have worked for this one.
      await consumer.close();
      await broker.close();
    });
    await Promise.all(runs);
    for (let database = 0; database < 16; database += 1) {
      expect((await leftovers(redis, database)).slice(0, 2), `database ${database}`).toEqual([0, 0]);
    }
  });

  test('of publishing loses nothing that it was told is published', async () => {
    const redis = await startRedis();
    for (const fault of ['redis.publish.sent:5', 'redis.publish.answered:5']) {
      const victim = await startProgram(PROGRAM, ['publish', redis.url, fault, '50'], { env: { ...process.env, CTQ_FAULT: fault } });
      expect((await victim.waitForExit()).signal).toBe('SIGKILL');
      expect(said(victim, 'P')).toHaveLength(4);
    }
    // What was under way may be there or not; once, at most.
    const waiting = (await redis.command('LRANGE', 'q', 0, -1)) as string[];
    const ids = waiting.map((text) => /"id": ?"([^"]*)"/.exec(text)?.[1]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(8);
    expect(ids.length).toBeLessThanOrEqual(10);
  });

  test('of taking over the dead leaves the rest to the next one', { timeout: 240_000 }, async () => {
    const redis = await startRedis();
    const broker = open(redis.url);
    const ids = idsOf('m', 250);
    await send(broker, 'q', ids);
    const victim = await startProgram(PROGRAM, ['hold', redis.url, 'q', '500'], { input: 'open' });
    await saidOften(victim, 'T', 250);
    await victim.kill();
    // Each dies in the middle of the rescue, having given back a part.
    for (const fault of ['redis.give-back.read:1', 'redis.give-back.done:1']) {
      const rescuer = await startProgram(PROGRAM, ['hold', redis.url, 'other', '1'], {
        input: 'open',
        env: { ...process.env, CTQ_FAULT: fault },
      });
      expect((await rescuer.waitForExit(60_000)).signal).toBe('SIGKILL');
    }
    const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
    await consume(broker, ['q'], 500, log);
    await log.until(() => new Set(log.ids()).size === 250, 'all of them', 60_000);
    expect(log.deliveries).toHaveLength(250);
    await broker.close();
  });
});
