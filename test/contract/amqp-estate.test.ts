/** What an operator sees of RabbitMQ, and what of it comes back as it was: nothing is lost by looking. */
import { type ChannelModel, connect, type ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker.js';
import { openAmqpBroker } from '../../src/brokers/amqp/broker.js';
import type { Estate } from '../../src/estate/estate.js';
import type { RemovedMessage, StoredMessage } from '../../src/estate/messages.js';
import { openEstate } from '../../src/estates/index.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { TcpProxy } from '../support/proxy.js';
import { startRabbit } from '../support/rabbitmq-server.js';
import { describeWith } from '../support/requires.js';
import { consume, declare, remaining, send } from './broker/verbs.js';
import { DeliveryLog } from './delivery-log.js';
import { idsOf, plainQueue, taskMessage } from './messages.js';
import { undisturbed } from '../support/undisturbed.js';

/** An estate gives back after a second what nobody pages on in: whoever expects to find it in hand must not be slower. */
const SHORT_MS = 800;

const idsIn = (messages: readonly StoredMessage[]): unknown[] => messages.map(({ message }) => message?.headers['id']);

describeWith('rabbitmq', 'an estate at RabbitMQ', () => {
  const rabbit = forSuite(() => startRabbit({ management: 'on', config: ['collect_statistics_interval = 100'] }));
  let url: string;
  let broker: Broker;
  let foreign: ChannelModel;
  let channel: ConfirmChannel;
  const opened: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    url = await rabbit().freshVhost();
    broker = openAmqpBroker(url, { transportOptions: {}, connectTimeoutMs: 20_000, amqp: { delayedQueueType: 'classic' } });
    foreign = await connect(url);
    channel = await foreign.createConfirmChannel();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await broker.close();
    await foreign.close();
  });

  async function open(
    options: { readonly at?: string; readonly management?: string; readonly queues?: readonly string[] } = {},
  ): Promise<Estate> {
    const estate = await openEstate(options.at ?? url, {
      parts: ['broker'],
      transportOptions: options.management === undefined ? {} : { management_url: options.management },
      resultTransportOptions: {},
      connectTimeoutMs: 20_000,
      queues: options.queues ?? ['q'],
    });
    opened.push(estate);
    return estate;
  }

  /** Past all our code. */
  async function drained(): Promise<unknown[]> {
    const ids: unknown[] = [];
    for (let raw = await channel.get('q', { noAck: true }); raw !== false; raw = await channel.get('q', { noAck: true })) {
      ids.push((raw.properties.headers as Readonly<Record<string, unknown>>)['id']);
    }
    return ids;
  }

  const managementUrl = (): string => `http://127.0.0.1:${rabbit().managementPort}`;

  describe('counts', () => {
    it('what is ready, of queues that are there, and does not guess what AMQP does not say', async () => {
      await declare(broker, 'q', 'other');
      await send(broker, 'q', idsOf('m', 3));
      const estate = await open({ queues: ['q', 'missing'] });
      expect(await estate.queues.names()).toEqual(['q']);
      expect(await estate.blindSpot?.()).toContain('management_url');
      const before = await estate.queues.report(['missing', 'q']);
      expect(before).toMatchObject([
        { name: 'missing', ready: 0, unacked: 0, consumerCount: 0 },
        { name: 'q', ready: 3, unacked: 0, delayed: 0, consumerCount: 0, paused: false },
      ]);
      await consume(broker, ['q'], 2, new DeliveryLog());
      await eventually(async () => {
        expect(await estate.queues.report(['q'])).toMatchObject([{ ready: 1, unacked: undefined, consumerCount: 1 }]);
      });
    });

    it('and by the management plugin all queues of the virtual host, and what is unacknowledged', async () => {
      await declare(broker, 'q', 'other', 'ctq.dead.q', 'celery@host.celery.pidbox', 'celeryev.x', 'celery_delayed_3');
      await send(broker, 'q', idsOf('m', 3));
      const log = new DeliveryLog();
      await consume(broker, ['q'], 2, log);
      await log.first(2);
      const estate = await open({ management: `${managementUrl()}/api/`, queues: [] });
      await eventually(async () => {
        expect(await estate.queues.names()).toEqual(['other', 'q']);
        expect(await estate.queues.report(['q'])).toMatchObject([{ ready: 1, unacked: 2, consumerCount: 1 }]);
      });
      expect(await estate.blindSpot?.()).toBeUndefined();
      const kinds = new Map<string, string>();
      for await (const page of estate.keys.scan({})) for (const { name, kind } of page) kinds.set(name, kind);
      expect(Object.fromEntries(kinds)).toMatchObject({
        ...{ q: 'queue', 'ctq.dead.q': 'dead letters', 'celery@host.celery.pidbox': 'pidbox queue' },
        ...{ 'celeryev.x': 'event queue', celery_delayed_3: 'delayed' },
      });
      expect(await estate.health()).toMatchObject({ engine: 'rabbitmq', version: expect.stringMatching(/^\d+\.\d+/) });
    });

    it('and says why a plugin that was named does not answer', async () => {
      const wrong = await open({ management: `http://guest:wrong@127.0.0.1:${rabbit().managementPort}` });
      expect(await wrong.blindSpot?.()).toContain('does not let this user in');
      expect(await wrong.blindSpot?.()).not.toContain('wrong@');
      const nobody = await open({ management: 'http://127.0.0.1:9' });
      expect(await nobody.queues.names()).toEqual([]);
      expect(await nobody.blindSpot?.()).toContain('http://127.0.0.1:9: ');
      await expect(open({ management: 'rabbit:15672' })).rejects.toThrow('management_url');
    });
  });

  /** What was looked at is given back by closing a channel, which no queue confirms: a busy one takes a moment. */
  const allReady = (estate: Estate): Promise<void> =>
    eventually(async () => expect(await estate.queues.report(['q'])).toMatchObject([{ ready: 10 }]));
  const ready = (count: number, queue = 'q'): Promise<void> => eventually(async () => expect(await broker.depth(queue)).toBe(count));

  describe('looks into', () => {
    it.each(['classic', 'quorum'])('a %s queue, and all of it is there afterwards', async (type) => {
      const estate = await undisturbed(SHORT_MS, async (_time, goesOn) => {
        await channel.deleteQueue('q');
        await channel.assertQueue('q', { durable: true, arguments: { 'x-queue-type': type } });
        await send(broker, 'q', idsOf('m', 10));
        const looking = await open();
        goesOn();
        expect(idsIn(await looking.messages.page('q', 0, 3))).toEqual(idsOf('m', 3));
        goesOn();
        expect(idsIn(await looking.messages.page('q', 3, 3))).toEqual(idsOf('m', 6).slice(3));
        goesOn();
        expect(await looking.messages.page('q', 1, 20)).toHaveLength(9);
        goesOn();
        expect(await looking.messages.sample('q', 4)).toMatchObject({ total: 10, messages: { length: 4 } });
        return looking;
      });
      await allReady(estate);
      if (type === 'quorum') {
        // A worker would take it for poison one day.
        await expect(estate.messages.page('q', 0, 10)).rejects.toThrow('went back 3 times');
        expect((await estate.tasks.search('gone', {})).searched).toBeLessThan(10);
        await allReady(estate);
      }
      expect(await estate.messages.page('nobody', 0, 10)).toEqual([]);
      // A quorum queue puts what was looked at behind what was looked at before.
      const left = await drained();
      expect(type === 'quorum' ? left.sort() : left).toEqual(idsOf('m', 10));
    });

    it('a queue by a connection that breaks, and loses nothing', async () => {
      await declare(broker, 'q');
      await send(broker, 'q', idsOf('m', 5));
      const proxy = await TcpProxy.start(rabbit().port);
      opened.push({ close: async () => proxy.close() });
      const estate = await open({ at: url.replace(`:${rabbit().port}/`, `:${proxy.port}/`) });
      await undisturbed(SHORT_MS, async () => {
        expect(await estate.messages.page('q', 0, 5)).toHaveLength(5);
        expect(await broker.depth('q')).toBe(0);
      });
      proxy.cut();
      await ready(5);
      expect(idsIn(await estate.messages.page('q', 0, 5))).toEqual(idsOf('m', 5));
      await estate.close();
      await ready(5);
      expect(await remaining(broker, 'q')).toEqual(idsOf('m', 5));
    });

    it('gives back by itself what nobody pages on in', async () => {
      await declare(broker, 'q');
      await send(broker, 'q', ['a']);
      const estate = await open();
      await estate.messages.page('q', 0, 1);
      await ready(1);
    });

    it('what workers have parked until its time, which is taken out and put back like the rest', async () => {
      await declare(broker, 'q', 'r.s');
      await send(broker, 'q', ['late', 'next']);
      await send(broker, 'r.s', ['elsewhere']);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q', 'r.s'], 10, log);
      const dueAt = new Date(Date.now() + 60_000);
      for (const delivery of await log.first(3)) {
        await (delivery.message.headers['id'] === 'next' ? delivery.park(new Date(Date.now() + 30_000)) : delivery.park(dueAt));
      }
      await consumer.close();
      const estate = await open({ queues: ['q', 'r.s'] });
      expect(await estate.queues.report(['q'])).toMatchObject([{ ready: 0, delayed: undefined }]);
      const page = await estate.messages.page('q', 0, 10);
      expect(idsIn(page)).toEqual(['next', 'late']);
      expect(page[1]).toMatchObject({ place: 'delayed', dueAtMs: dueAt.getTime() });
      expect((await estate.tasks.search('elsewhere', {})).ready).toMatchObject([{ queue: 'r.s', place: 'delayed' }]);
      const kept: RemovedMessage[] = [];
      const keep = { id: 'one', from: 0, page: async (some: readonly RemovedMessage[]) => void kept.push(...some) };
      const wanted = (one: StoredMessage): boolean => one.message?.headers['id'] === 'late';
      expect(await estate.messages.remove({ queue: 'q', places: ['ready', 'delayed'], wanted, keep })).toBe(1);
      expect(idsIn(await estate.messages.page('q', 0, 10))).toEqual(['next']);
      await estate.messages.arrive('one', kept);
      expect(idsIn(await estate.messages.page('q', 0, 10))).toEqual(['next', 'late']);
    });
  });

  describe('takes out', () => {
    it('what is meant, keeps it first, leaves the others in order, and brings it back once', async () => {
      await declare(broker, 'q');
      await send(broker, 'q', idsOf('m', 450));
      const kept: RemovedMessage[] = [];
      const estate = await open();
      const wanted = ({ message }: StoredMessage): boolean => Number(String(message?.headers['id']).slice(2)) % 2 === 0;
      const keep = { id: 'purge', from: 5, page: async (page: readonly RemovedMessage[]) => void kept.push(...page) };
      expect(await estate.messages.remove({ queue: 'q', places: ['ready'], wanted, keep })).toBe(225);
      expect(kept.map(({ number }) => number)).toEqual(Array.from({ length: 225 }, (_one, index) => 5 + index));
      const left = idsOf('m', 450).filter((_id, index) => index % 2 === 1);
      await ready(225);
      expect(await estate.messages.arrive('purge', kept.slice(0, 200))).toBe(200);
      expect(await estate.messages.arrive('purge', kept)).toBe(25);
      expect(await estate.messages.arrive('purge', kept)).toBe(0);
      expect(await remaining(broker, 'q')).toEqual([...left, ...idsOf('m', 450).filter((_id, index) => index % 2 === 0)]);
    });

    it('nothing that could not be kept', async () => {
      await declare(broker, 'q');
      await send(broker, 'q', idsOf('m', 5));
      const estate = await open();
      const keep = { id: 'purge', from: 0, page: () => Promise.reject(new Error('the disk is full')) };
      await expect(estate.messages.remove({ queue: 'q', places: ['ready'], keep })).rejects.toThrow('the disk is full');
      await ready(5);
      expect(await remaining(broker, 'q')).toEqual(idsOf('m', 5));
    });

    it('all of a queue at once, and what is brought back is as it was sent', async () => {
      await channel.assertQueue('q', { durable: true, arguments: { 'x-max-priority': 9 } });
      const message = taskMessage('a', { priority: 7, expiration: '600000', replyTo: 'me', timestamp: 1_700_000_000 });
      const sent = { ...message, headers: { ...message.headers, deep: { list: [1, 2 ** 40, 0.5, null] } } };
      await channel.assertExchange('shop', 'topic');
      await channel.bindQueue('q', 'shop', 'orders.#');
      await broker.publish(sent, { exchange: { name: 'shop', type: 'topic' }, routingKey: 'orders.new' });
      const kept: RemovedMessage[] = [];
      const estate = await open();
      const keep = { id: 'x', from: 0, page: async (page: readonly RemovedMessage[]) => void kept.push(...page) };
      await estate.messages.remove({ queue: 'q', places: ['ready'], keep });
      await estate.messages.arrive('x', kept);
      const log = new DeliveryLog();
      await consume(broker, [{ ...plainQueue('q'), maxPriority: 9 }], 1, log);
      const { message: back } = await log.nth(0);
      expect(back).toMatchObject({ headers: sent.headers, contentType: sent.contentType });
      expect(back.properties).toMatchObject({ ...sent.properties, deliveryInfo: { exchange: 'shop', routingKey: 'orders.new' } });
      await (await log.nth(0)).ack();
      await send(broker, 'q', ['b', 'c']);
      await log.nth(1);
      expect(await estate.messages.remove({ queue: 'q', places: ['ready'] })).toBe(1);
      expect(await estate.messages.remove({ queue: 'nobody', places: ['ready'] })).toBe(0);
    });
  });

  it('lists what was refused, and sends it again once', async () => {
    await declare(broker, 'q');
    await send(broker, 'q', ['a', 'b']);
    const log = new DeliveryLog();
    const consumer = await consume(broker, ['q'], 2, log);
    for (const delivery of await log.first(2)) await delivery.reject('nobody knows it');
    await consumer.close();
    const estate = await open();
    const pages = [];
    for await (const page of estate.deadLetters.list()) pages.push(...page);
    expect(pages.map(({ message, reason, queue }) => [message?.headers['id'], reason, queue])).toEqual([
      ['b', 'nobody knows it', 'q'],
      ['a', 'nobody knows it', 'q'],
    ]);
    await ready(2, 'ctq.dead.q');
    expect((await estate.tasks.search('a', {})).deadLetters).toMatchObject([{ queue: 'q', reason: 'nobody knows it' }]);
    await ready(2, 'ctq.dead.q');
    const [letter] = pages;
    if (letter === undefined) throw new Error('no letter');
    const again = { letter, queue: 'q', priority: 0, envelope: letter.text };
    const other = await open();
    const both = await Promise.all([estate.deadLetters.sendAgain(again), other.deadLetters.sendAgain(again)]);
    expect(both.sort()).toEqual(['gone', 'sent']);
    expect(await remaining(broker, 'q')).toEqual(['b']);
    await ready(1, 'ctq.dead.q');
  });

  it('finds a task by the beginning of its id, and how many are before it', async () => {
    await declare(broker, 'q');
    await send(broker, 'q', idsOf('m', 20));
    const estate = await open();
    expect((await estate.tasks.search('m-00007', {})).ready).toMatchObject([{ queue: 'q', place: 'ready', position: 7 }]);
    await ready(20);
    expect(await estate.tasks.complete('m-0001', 20, {})).toHaveLength(10);
    await ready(20);
    expect(await estate.tasks.search('gone', {})).toEqual({ ready: [], deadLetters: [], searched: 20, total: 20 });
    await ready(20);
  });

  it('remembers a pause, and who has to hear of its end', async () => {
    await declare(broker, 'q');
    const estate = await open();
    await estate.queues.pause(['q']);
    await estate.queues.noteStopped('q', ['a@x']);
    await estate.queues.noteStopped('q', ['b@x', 'a@x']);
    const other = await open();
    expect(await other.queues.paused()).toEqual(['q']);
    expect(await other.queues.stopped('q')).toEqual(['a@x', 'b@x']);
    expect(await other.queues.stopped('r')).toBeUndefined();
    await other.queues.resume(['q']);
    expect(await estate.queues.paused()).toEqual([]);
  });
});
