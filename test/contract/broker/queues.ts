import { expect } from 'vitest';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { idsOf, plainQueue } from '../messages.js';
import { consume, declare, drainUpTo, remaining, send, taking } from './verbs.js';

export const queueCases: readonly BrokerCase[] = [
  {
    title: 'takes from a queue that is added while it runs',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q', 'late');
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 10, log);
      await send(broker, 'late', ['b']);
      await consumer.addQueue(plainQueue('late'));
      await log.first(1);
      await send(broker, 'late', ['c']);
      await send(broker, 'q', ['a']);
      await log.first(3);
      expect(log.ids().sort()).toEqual(['a', 'b', 'c']);
      expect(consumer.queues.map(({ name }) => name)).toEqual(['q', 'late']);
    },
  },
  {
    title: 'adding a queue twice changes nothing',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 10, log);
      await consumer.addQueue(plainQueue('q'));
      expect(consumer.queues.map(({ name }) => name)).toEqual(['q']);
    },
  },
  {
    title: 'takes nothing more from a queue that is cancelled, and keeps what it holds of it',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      await declare(broker, 'q', 'gone');
      await send(broker, 'gone', ['held']);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q', 'gone'], 10, log);
      const held = await log.nth(0);
      await consumer.cancelQueue('gone');
      await consumer.cancelQueue('never-there');
      expect(consumer.queues.map(({ name }) => name)).toEqual(['q']);
      await send(broker, 'gone', ['x']);
      await send(broker, 'q', ['y']);
      expect(await drainUpTo(other, 'gone', 'x')).toEqual(['x']);
      await log.first(2);
      expect(log.ids()).toEqual(['held', 'y']);
      expect(await held.ack()).toBe('settled');
    },
  },
  {
    title: 'pause takes nothing more; what is held can still be settled',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      const { log, consumer } = await taking(broker, ['a'], 10);
      const held = await log.nth(0);
      await consumer.pause();
      await send(broker, 'q', ['b']);
      expect(await drainUpTo(other, 'q', 'b')).toEqual(['b']);
      expect(log.ids()).toEqual(['a']);
      expect(await held.ack()).toBe('settled');
    },
  },
  {
    title: 'pause in the middle of a flood loses nothing: what was taken was delivered',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      await declare(broker, 'q');
      const ids = idsOf('m', 300);
      await send(broker, 'q', ids);
      const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
      const consumer = await consume(broker, ['q'], 7, log);
      await log.first(20);
      await consumer.pause();
      const taken = log.ids();
      const rest = taken.length === 300 ? [] : await drainUpTo(other, 'q', ids[299] as string);
      expect(log.ids()).toEqual(taken);
      expect([...taken, ...rest].sort()).toEqual(ids);
    },
  },
  {
    title: 'depth counts what waits, in every priority, and not what is held',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      for (const priority of [0, 3, 6, 9]) await send(broker, 'q', [`a${priority}`, `b${priority}`], priority);
      expect(await broker.depth('q')).toBe(8);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 3, log);
      await log.first(3);
      expect(await broker.depth('q')).toBe(5);
      expect(await broker.depth('never-declared')).toBe(0);
    },
  },
  {
    title: 'purge removes what waits in that queue and in no other, says how much, and leaves what is held',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q', 'other');
      await send(broker, 'other', ['stays']);
      for (const priority of [0, 3, 9]) await send(broker, 'q', [`a${priority}`, `b${priority}`], priority);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 2, log);
      await log.first(2);
      consumer.setPrefetch(0);
      expect(await broker.purge('q')).toBe(4);
      expect(await broker.purge('q')).toBe(0);
      expect(await broker.purge('never-declared')).toBe(0);
      expect(await broker.depth('other')).toBe(1);
      const held = log.ids();
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual(held);
    },
  },
  {
    title: 'declaring again changes nothing',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      await send(broker, 'q', ['a']);
      await declare(broker, 'q', 'q');
      expect(await broker.depth('q')).toBe(1);
    },
  },
];
