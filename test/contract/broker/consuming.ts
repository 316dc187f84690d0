import { expect } from 'vitest';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { idsOf, plainQueue, toQueue } from '../messages.js';
import { consume, declare, drainUpTo, send, taking } from './verbs.js';

export const consumingCases: readonly BrokerCase[] = [
  {
    title: 'delivers in the order of publishing',
    async run({ open }) {
      const broker = await open();
      const ids = idsOf('m', 50);
      await declare(broker, 'q');
      for (const id of ids) await send(broker, 'q', [id]);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 100, log);
      await log.first(50);
      expect(log.ids()).toEqual(ids);
    },
  },
  {
    title: 'hands a message over as it was sent',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const sent = {
        headers: { lang: 'py', task: 'tasks.añadir', id: 'x', big: 12345678901234567890n, nested: { list: [1, null, 'ü'], flag: true } },
        properties: {
          correlationId: 'corr',
          replyTo: 'oid',
          deliveryMode: 2,
          priority: 4,
          expiration: '120000',
          extra: { app_id: 'someone', message_id: 'm1' },
        },
        contentType: 'application/data',
        contentEncoding: 'binary',
        body: Uint8Array.from({ length: 256 }, (_, index) => index),
      };
      await broker.publish(sent, toQueue('q'));
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      const { message } = await log.nth(0);
      expect(message.headers).toEqual(sent.headers);
      expect(message.properties).toMatchObject(sent.properties);
      expect(message.contentType).toBe('application/data');
      expect(message.contentEncoding).toBe('binary');
      expect(Buffer.from(message.body)).toEqual(Buffer.from(sent.body));
    },
  },
  {
    title: 'says which queue a message came from and where it was published, and tags each delivery',
    async run({ open }) {
      const broker = await open();
      const { log } = await taking(broker, ['a', 'b'], 2);
      const [a, b] = await log.first(2);
      expect(a).toMatchObject({ queue: 'q', redelivered: false, redeliveryCount: 0, fenced: false });
      expect(a?.message.properties.deliveryInfo).toMatchObject({ exchange: '', routingKey: 'q' });
      expect(a?.deliveryTag).toBeTruthy();
      expect(a?.deliveryTag).not.toBe(b?.deliveryTag);
    },
  },
  {
    title: 'serves priorities in the order the engine declares',
    async run({ open, facts }) {
      const broker = await open();
      await broker.declare({ ...plainQueue('q'), maxPriority: 10 });
      const order = [...facts.prioritySteps].sort((a, b) => (facts.priorityOrder === 'lowest-first' ? a - b : b - a));
      const shuffled = [...facts.prioritySteps.slice(2), ...facts.prioritySteps.slice(0, 2).reverse()];
      for (const priority of [...shuffled, ...shuffled]) await send(broker, 'q', [`p${priority}`], priority);
      const log = new DeliveryLog();
      await consume(broker, [{ ...plainQueue('q'), maxPriority: 10 }], 1, log);
      for (let index = 0; index < order.length * 2; index += 1) await (await log.nth(index)).ack();
      expect(log.ids()).toEqual(order.flatMap((priority) => [`p${priority}`, `p${priority}`]));
    },
  },
  {
    title: 'keeps the order of publishing among priorities of one step',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      for (const [index, priority] of [5, 3, 4, 3, 5].entries()) await send(broker, 'q', [`m${index}`], priority);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 10, log);
      await log.first(5);
      expect(log.ids()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
    },
  },
  {
    title: 'takes priorities far outside 0 to 9 as the nearest step',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      await send(broker, 'q', ['low'], -5);
      await send(broker, 'q', ['high'], 2 ** 40);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 10, log);
      await log.first(2);
      expect(log.ids().sort()).toEqual(['high', 'low']);
    },
  },
  {
    title: 'never holds more than the prefetch',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      const ids = idsOf('m', 10);
      const { log } = await taking(broker, ids, 3);
      await log.first(3);
      expect(await drainUpTo(other, 'q', ids[9] as string)).toEqual(ids.slice(3));
      expect(log.ids()).toEqual(ids.slice(0, 3));
    },
  },
  {
    title: 'takes more as soon as something is settled, however it is settled',
    async run({ open }) {
      const broker = await open();
      const { log } = await taking(broker, idsOf('m', 4), 1);
      await (await log.nth(0)).ack();
      await (await log.nth(1)).reject('bad');
      await (await log.nth(2)).requeue('back');
      await (await log.nth(3)).ack();
      expect((await log.nth(4)).redelivered).toBe(true);
    },
  },
  {
    title: 'takes nothing at prefetch 0 and begins when it is raised',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      await declare(broker, 'q');
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 0, log);
      await log.until(() => log.calls.includes('connected'), 'connected');
      await send(broker, 'q', ['a']);
      expect(await drainUpTo(other, 'q', 'a')).toEqual(['a']);
      await send(broker, 'q', ['b', 'c']);
      consumer.setPrefetch(1);
      await log.first(1);
      expect(log.ids()).toEqual(['b']);
    },
  },
  {
    title: 'waits until it is below a prefetch that has shrunk',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      const { log, consumer } = await taking(broker, idsOf('m', 4), 4);
      const held = await log.first(4);
      consumer.setPrefetch(2);
      await send(broker, 'q', ['next']);
      await held[0]?.ack();
      await held[1]?.ack();
      expect(await drainUpTo(other, 'q', 'next')).toEqual(['next']);
      await held[2]?.ack();
      await send(broker, 'q', ['after']);
      await log.first(5);
      expect(log.ids().slice(4)).toEqual(['after']);
    },
  },
  {
    title: 'says that it is connected before it delivers',
    async run({ open }) {
      const broker = await open();
      const { log } = await taking(broker, ['a'], 1);
      await log.first(1);
      expect(log.calls).toEqual(['connected', 'deliver']);
    },
  },
  {
    title: 'wakes for a message that another client publishes while it waits',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      await declare(broker, 'q');
      const log = new DeliveryLog();
      await consume(broker, ['q'], 10, log);
      await log.until(() => log.calls.includes('connected'), 'connected');
      for (let round = 0; round < 5; round += 1) {
        await send(other, 'q', [`m${round}`]);
        await log.nth(round);
      }
      expect(log.ids()).toEqual(['m0', 'm1', 'm2', 'm3', 'm4']);
    },
  },
  {
    title: 'two consumers share a queue without overlap',
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await declare(one, 'q');
      const ids = idsOf('m', 200);
      const ack = { onDeliver: (delivery: { ack(): Promise<unknown> }) => void delivery.ack() };
      const [first, second] = [new DeliveryLog(ack), new DeliveryLog(ack)];
      await consume(one, ['q'], 5, first);
      await consume(two, ['q'], 5, second);
      await send(one, 'q', ids);
      const total = (): number => first.deliveries.length + second.deliveries.length;
      await Promise.race([first.until(() => total() >= 200, '200 in both'), second.until(() => total() >= 200, '200 in both')]);
      expect([...first.ids(), ...second.ids()].sort()).toEqual(ids);
    },
  },
  {
    title: 'no queue starves behind a full one',
    async run({ open }) {
      for (const prefetch of [1, 8]) {
        const broker = await open();
        const [full, thin] = [`full${prefetch}`, `thin${prefetch}`];
        await declare(broker, full, thin);
        await send(broker, full, idsOf('full', 100));
        await send(broker, thin, idsOf('thin', 3));
        const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
        const consumer = await consume(broker, [full, thin], prefetch, log);
        await log.first(103);
        expect(log.ids().findIndex((id) => id === 'thin-00002')).toBeLessThan(40);
        await consumer.close();
      }
    },
  },
];
