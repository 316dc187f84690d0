/**
 * The scripts against a model: take, answer, renew, die, rescue, park and a Python worker that helps
 * itself, in any order. After every step each message is in exactly one place (a list, unacked, the
 * dead letters, or done), and an answer counts exactly when the model says that it is the holder's.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { giveBackAll } from '../../src/brokers/redis/give-back.js';
import { deadLettersKey, dueKey, duePrefix, ownersKey, parkedKey, queueLists, redisLayout } from '../../src/brokers/redis/keys.js';
import { heldKeys, takeRecords } from '../../src/brokers/redis/own.js';
import { answerScript, renewScript, settleScript, unparkScript } from '../../src/brokers/redis/scripts.js';
import { take, takePlan } from '../../src/brokers/redis/taking.js';
import type { RedisConnection } from '../../src/connections/redis.js';
import { RedisLink } from '../../src/connections/redis/link.js';
import { parseRedisUrl } from '../../src/connections/redis/url.js';
import { systemClock } from '../../src/clock.js';
import { encodeEnvelope } from '../../src/protocol/envelope.js';
import { taskMessage } from '../contract/messages.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

const layout = redisLayout({}, 0);
const QUEUES = ['a', 'b'] as const;
const OWNERS = ['one', 'two'] as const;
const SEP = layout.separator;

type Step =
  | { readonly do: 'publish'; readonly queue: number; readonly step: number }
  | { readonly do: 'take'; readonly owner: number; readonly count: number }
  | { readonly do: 'answer'; readonly owner: number; readonly which: number; readonly how: 'ack' | 'front' | 'back' | 'dead' | 'park' }
  | { readonly do: 'renew'; readonly owner: number }
  | { readonly do: 'die'; readonly owner: number }
  | { readonly do: 'unpark'; readonly atMost: number }
  | { readonly do: 'steal'; readonly which: number; readonly thenTake: boolean }
  | { readonly do: 'stray'; readonly owner: number };

const owner = fc.integer({ min: 0, max: 1 });
const which = fc.integer({ min: 0, max: 50 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('publish' as const), queue: owner, step: fc.constantFrom(0, 3, 9) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const), owner, count: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('answer' as const),
        owner,
        which,
        how: fc.constantFrom('ack' as const, 'front' as const, 'back' as const, 'dead' as const, 'park' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('renew' as const), owner }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), owner }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('unpark' as const), atMost: fc.constantFrom(1, 2, 100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('steal' as const), which, thenTake: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('stray' as const), owner }) },
  ),
  { minLength: 5, maxLength: 45 },
);

/** A delivery as its taker knows it. */
interface Held {
  readonly id: string;
  readonly tag: string;
  readonly list: string;
  readonly takenAt: string;
  readonly take: number;
}

class World {
  readonly published = new Set<string>();
  readonly done = new Set<string>();
  /** What each owner believes to hold, and whether it is right. */
  readonly believed = new Map<string, Map<Held, boolean>>(OWNERS.map((name) => [name, new Map()]));
  readonly #connection: RedisConnection;
  #count = 0;
  #call = 0;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async run(step: Step): Promise<void> {
    const redis = this.#connection;
    switch (step.do) {
      case 'publish': {
        const id = `id-${this.#count++}`;
        this.published.add(id);
        const queue = QUEUES[step.queue] as string;
        await redis.call('lpush', [step.step === 0 ? queue : `${queue}${SEP}${step.step}`, envelope(id)]);
        return;
      }
      case 'take':
        await this.#take(OWNERS[step.owner] as string, step.count, true);
        return;
      case 'stray':
        // Taken, and the answer never arrived: nobody believes to hold it.
        await this.#take(OWNERS[step.owner] as string, 2, false);
        return;
      case 'answer':
        await this.#answer(OWNERS[step.owner] as string, step.which, step.how);
        return;
      case 'renew': {
        const name = OWNERS[step.owner] as string;
        const [gone] = (await redis.run(renewScript, heldKeys(layout, name), [name])) as [readonly string[], number];
        for (const [held, ours] of this.#of(name)) {
          expect(gone.includes(`${held.take} ${held.tag}`), 'a renewal reports only what is lost').toBe(
            ours ? false : gone.includes(`${held.take} ${held.tag}`),
          );
        }
        return;
      }
      case 'die': {
        const name = OWNERS[step.owner] as string;
        const beat = await redis.call('zscore', [ownersKey(layout), name]);
        if (beat === null) return;
        await giveBackAll({ connection: redis, layout, ownerId: name, lastBeat: String(beat) });
        for (const held of this.#of(name).keys()) this.#of(name).set(held, false);
        expect(await redis.call('exists', [heldKeys(layout, name)[2] as string])).toBe(0);
        return;
      }
      case 'unpark':
        await unpark(redis, step.atMost);
        return;
      case 'steal':
        await this.#steal(step.which, step.thenTake);
        return;
      default:
        step satisfies never;
    }
  }

  async #take(name: string, count: number, heard: boolean): Promise<void> {
    const number = ++this.#call;
    const plan = takePlan(layout, name, [...QUEUES]);
    const taken = await take(this.#connection, { layout, ownerId: name, plan, count, number });
    if (!heard) return;
    for (const {
      held: { tag, list },
      message,
    } of taken.items) {
      this.#of(name).set({ id: String(message?.headers['id']), tag, list, takenAt: taken.take.takenAt, take: number }, true);
    }
  }

  async #answer(name: string, index: number, how: 'ack' | 'front' | 'back' | 'dead' | 'park'): Promise<void> {
    const believed = [...this.#of(name)];
    const [held, ours] = believed[index % Math.max(1, believed.length)] ?? [];
    if (held === undefined) return;
    this.#of(name).delete(held);
    const keys = [...heldKeys(layout, name), `ledger-${name}`];
    const number = String(++this.#call);
    const { tag, list, takenAt, id } = held;
    const inPast = String(Date.now() / 1000 - 5);
    const records = await takeRecords(this.#connection, layout, name);
    const takenAgain = records.some(({ number: take, items }) => take !== held.take && items.some((item) => item.tag === tag));
    const reply =
      how === 'ack'
        ? await this.#connection.run(settleScript, keys, [name, number, '1', '0', takenAt, tag])
        : await this.#connection.run(
            answerScript,
            [...keys, parkedKey(layout), dueKey(layout)],
            [
              ...[name, number, '100', '1', '0', takenAt],
              ...[tag, how, how === 'dead' ? deadLettersKey(layout, 'a') : list, how === 'park' ? inPast : how === 'dead' ? '{}' : ''],
            ],
          );
    // Stolen, and taken again by the same owner under the same tag: one beat renews both, so the first answer is as good as the second.
    if (ours !== true && takenAgain && Array.isArray(reply) && reply.length === 0) {
      for (const other of this.#of(name).keys()) if (other.tag === tag) this.#of(name).set(other, false);
      if (how === 'ack') this.done.add(id);
      return;
    }
    expect(reply, `${how} of ${id} by ${name}`).toEqual(ours === true ? [] : [1]);
    if (ours === true && how === 'ack') this.done.add(id);
  }

  /** kombu's restore_by_tag on any delivery, whoever holds it; then perhaps a Python worker takes it under the same tag. */
  async #steal(index: number, thenTake: boolean): Promise<void> {
    const redis = this.#connection;
    const tags = (await redis.call('hkeys', [layout.unackedKey])) as readonly string[];
    const tag = tags[index % Math.max(1, tags.length)];
    if (tag === undefined) return;
    const value = (await redis.call('hget', [layout.unackedKey, tag])) as string;
    const [message, , queue] = JSON.parse(value) as [{ properties: { delivery_tag: string } }, string, string];
    await redis.call('zrem', [layout.unackedIndexKey, tag]);
    await redis.call('hdel', [layout.unackedKey, tag]);
    for (const believed of this.believed.values()) {
      for (const held of believed.keys()) if (held.tag === tag) believed.set(held, false);
    }
    if (thenTake && message.properties.delivery_tag === tag) {
      await redis.call('hset', [layout.unackedKey, tag, `[${JSON.stringify(message)}, "", "${queue}"]`]);
      await redis.call('zadd', [layout.unackedIndexKey, String(Date.now() / 1000 + 0.5), tag]);
    } else {
      await redis.call('rpush', [queue, JSON.stringify(message)]);
    }
  }

  #of(name: string): Map<Held, boolean> {
    return this.believed.get(name) as Map<Held, boolean>;
  }

  /** Every id that Redis knows of, once for each place. */
  async places(): Promise<string[]> {
    const redis = this.#connection;
    const lists = [...QUEUES.flatMap((queue) => queueLists(layout, queue)), deadLettersKey(layout, 'a')];
    const texts = (await Promise.all(lists.map((list) => redis.call('lrange', [list, '0', '-1'])))).flat() as string[];
    const unacked = (await redis.call('hvals', [layout.unackedKey])) as readonly string[];
    const index = (await redis.call('zrange', [layout.unackedIndexKey, '0', '-1'])) as readonly string[];
    expect(new Set(index), 'every record has its score').toEqual(new Set((await redis.call('hkeys', [layout.unackedKey])) as string[]));
    return [...texts, ...unacked].map((text) => /"id": ?"([^"]*)"/.exec(text)?.[1] ?? text);
  }
}

async function unpark(redis: RedisConnection, atMost: number): Promise<readonly number[]> {
  const keys = [layout.unackedKey, layout.unackedIndexKey, parkedKey(layout), dueKey(layout)];
  return (await redis.run(unparkScript, keys, [String(atMost), duePrefix(layout)])) as readonly number[];
}

function envelope(id: string): string {
  return encodeEnvelope(taskMessage(id), { deliveryTag: crypto.randomUUID(), deliveryInfo: { exchange: '', routingKey: 'a' } });
}

describeWith('redis', 'the scripts', () => {
  const redis = forSuite(startRedis);
  let link: RedisLink;
  beforeAll(async () => {
    link = new RedisLink({
      addresses: parseRedisUrl(redis().url, { transportOptions: {} }),
      name: 'model',
      clock: systemClock,
      connectTimeoutMs: 30_000,
    });
  });
  afterAll(() => link?.close());

  test('keep every message in exactly one place, in any order of events', { timeout: 120_000 }, async () => {
    const connection = await link.connection();
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        await connection.call('flushdb', []);
        const world = new World(connection);
        for (const step of sequence) {
          await world.run(step);
          const places = await world.places();
          expect([...places, ...world.done].sort()).toEqual([...world.published].sort());
        }
      }),
      { numRuns: Number(process.env['CTQ_TEST_RUNS'] ?? 150) },
    );
  });

  /** Takes all of a queue and parks it, due in the past, the first one first. */
  async function parkAll(connection: RedisConnection, queue: string, dueS: number): Promise<void> {
    const plan = takePlan(layout, 'one', [queue]);
    const taken = await take(connection, { layout, ownerId: 'one', plan, count: 1_000, number: dueS });
    const keys = [...heldKeys(layout, 'one'), 'ledger-one', parkedKey(layout), dueKey(layout)];
    const times = [...new Set(taken.items.map(({ held }) => held.take.takenAt))];
    const answers = taken.items.flatMap(({ held }, index) => [held.tag, 'park', held.list, String(dueS + index / 1_000)]);
    expect(await connection.run(answerScript, keys, ['one', String(dueS), '100', String(times.length), '0', ...times, ...answers])).toEqual(
      [],
    );
  }

  async function takeIds(connection: RedisConnection, queue: string, count: number, number: number): Promise<string[]> {
    const taken = await take(connection, { layout, ownerId: 'two', plan: takePlan(layout, 'two', [queue]), count, number });
    return taken.items.map(({ message }) => String(message?.headers['id']));
  }

  test('serve what is due in the order of its times, however much of it waits and whoever is slow', async () => {
    const connection = await link.connection();
    await connection.call('flushdb', []);
    const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
    for (const id of ids) await connection.call('lpush', ['a', envelope(id)]);
    await parkAll(connection, 'a', 1_000_000);
    await connection.call('lpush', ['a', envelope('published')]);
    const served: string[] = [];
    for (let number = 1; served.length < 61 && number < 200; number += 1) {
      // Slower than they fall due: without a line each batch would go before the one that still waits.
      await unpark(connection, 10);
      await unpark(connection, 10);
      served.push(...(await takeIds(connection, 'a', 7, number)));
    }
    expect(served).toEqual([...ids, 'published']);
    await unpark(connection, 10);
    expect(await connection.call('exists', [parkedKey(layout), dueKey(layout), `${duePrefix(layout)}a`])).toBe(0);
  });

  test('what is given back by a worker that has taken too much stays before what waits in line', async () => {
    const connection = await link.connection();
    await connection.call('flushdb', []);
    const ids = Array.from({ length: 30 }, (_, index) => `id-${index}`);
    for (const id of ids) await connection.call('lpush', ['a', envelope(id)]);
    await parkAll(connection, 'a', 1_000_000);
    await unpark(connection, 10);
    const order = { layout, ownerId: 'two', plan: takePlan(layout, 'two', ['a']), count: 10, number: 1 };
    const { items } = await take(connection, order);
    const times = [...new Set(items.map(({ held }) => held.take.takenAt))];
    const answers = [...items].reverse().flatMap(({ held }) => [held.tag, 'front', held.list, envelope(`${held.position}-again`)]);
    const keys = [...heldKeys(layout, 'two'), 'ledger-two', parkedKey(layout), dueKey(layout)];
    expect(await connection.run(answerScript, keys, ['two', '1', '100', String(times.length), '0', ...times, ...answers])).toEqual([]);
    for (let round = 0; round < 5; round += 1) await unpark(connection, 10);
    const served = await takeIds(connection, 'a', 40, 2);
    expect(served.slice(0, 10)).toEqual(items.map(({ held }) => `${held.position}-again`));
  });

  test('so it does when nothing waits in line at that moment', async () => {
    const connection = await link.connection();
    await connection.call('flushdb', []);
    for (let index = 0; index < 5; index += 1) await connection.call('lpush', ['a', envelope(`early-${index}`)]);
    await parkAll(connection, 'a', 1_000_000);
    await unpark(connection, 10);
    const { items } = await take(connection, { layout, ownerId: 'two', plan: takePlan(layout, 'two', ['a']), count: 10, number: 1 });
    await unpark(connection, 10);
    for (let index = 0; index < 5; index += 1) await connection.call('lpush', ['a', envelope(`late-${index}`)]);
    await parkAll(connection, 'a', 1_000_001);
    const times = [...new Set(items.map(({ held }) => held.take.takenAt))];
    const answers = [...items].reverse().flatMap(({ held }) => [held.tag, 'front', held.list, envelope(`early-${held.position}-again`)]);
    const keys = [...heldKeys(layout, 'two'), 'ledger-two', parkedKey(layout), dueKey(layout)];
    expect(await connection.run(answerScript, keys, ['two', '1', '100', String(times.length), '0', ...times, ...answers])).toEqual([]);
    await unpark(connection, 10);
    const served = await takeIds(connection, 'a', 20, 2);
    const inOrder = ['early', 'late'].flatMap((when) => [0, 1, 2, 3, 4].map((place) => `${when}-${place}`));
    expect(served.map((id) => id.replace('-again', ''))).toEqual(inOrder);
  });

  test('a queue that nobody takes from keeps no other waiting for what is due', async () => {
    const connection = await link.connection();
    await connection.call('flushdb', []);
    for (let index = 0; index < 40; index += 1) await connection.call('lpush', ['a', envelope(`a-${index}`)]);
    await connection.call('lpush', ['b', envelope('b')]);
    await parkAll(connection, 'a', 1_000_000);
    await parkAll(connection, 'b', 1_000_001);
    for (let round = 0; round < 10; round += 1) await unpark(connection, 10);
    expect(await takeIds(connection, 'b', 10, 1)).toEqual(['b']);
    expect(await connection.call('llen', ['a'])).toBeLessThanOrEqual(20);
  });
});
