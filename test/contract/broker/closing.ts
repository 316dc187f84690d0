import { expect } from 'vitest';
import { BrokerError } from '../../../src/errors.js';
import { eventually } from '../../support/eventually.js';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { idsOf, plainQueue, taskMessage, toQueue } from '../messages.js';
import { consume, declare, remaining, send, taking } from './verbs.js';

export const closingCases: readonly BrokerCase[] = [
  {
    title: 'closing a consumer gives the unsettled back to the front, in their order, marked as redelivered',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const ids = idsOf('m', 8);
      await send(broker, 'q', ids);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 4, log);
      await log.first(4);
      await consumer.close();
      // No queue of RabbitMQ confirms what a channel gives back when it is closed.
      await eventually(async () => expect(await broker.depth('q')).toBe(8));
      const again = new DeliveryLog();
      await consume(broker, ['q'], 8, again);
      const deliveries = await again.first(8);
      expect(again.ids()).toEqual(ids);
      expect(deliveries.map(({ redelivered }) => redelivered)).toEqual([true, true, true, true, false, false, false, false]);
    },
  },
  {
    title: 'an answer under way when the consumer closes still counts',
    async run({ open }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, ['a', 'b'], 2);
      const [a] = await log.first(2);
      const answer = a?.ack();
      await consumer.close();
      expect(await answer).toBe('settled');
      expect(await remaining(broker, 'q')).toEqual(['b']);
    },
  },
  {
    title: 'an answer after the consumer has closed is fenced and changes nothing',
    async run({ open }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, ['a'], 1);
      const held = await log.nth(0);
      await consumer.close();
      expect(held.fenced).toBe(true);
      expect(await held.ack()).toBe('fenced');
      expect(await remaining(broker, 'q')).toEqual(['a']);
    },
  },
  {
    title: 'a closed consumer delivers nothing more, and closing it again does nothing',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 10, log);
      await consumer.close();
      await consumer.close();
      await send(broker, 'q', ['a']);
      expect(await remaining(broker, 'q')).toEqual(['a']);
      expect(log.ids()).toEqual([]);
    },
  },
  {
    title: 'closing the broker lets what was published before it arrive',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      await declare(broker, 'q');
      const sending = send(broker, 'q', idsOf('m', 100));
      await broker.close();
      await sending;
      expect(await other.depth('q')).toBe(100);
    },
  },
  {
    title: 'closing the broker closes its consumers, which give back what they hold',
    async run({ open }) {
      const [broker, other] = [await open(), await open()];
      const { log } = await taking(broker, ['a', 'b'], 1);
      await log.first(1);
      await broker.close();
      expect(await remaining(other, 'q')).toEqual(['a', 'b']);
    },
  },
  {
    title: 'every call after close says that the broker is closed; closing again does nothing',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      await broker.close();
      await broker.close();
      const calls: readonly (() => Promise<unknown>)[] = [
        () => broker.publish(taskMessage('a'), toQueue('q')),
        () => broker.declare(plainQueue('q')),
        () => broker.depth('q'),
        () => broker.purge('q'),
        () => consume(broker, ['q'], 1, new DeliveryLog()),
        () => broker.subscribe(plainQueue('q'), () => {}),
      ];
      for (const call of calls) {
        const error = await (async () => call())().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(BrokerError);
        expect((error as BrokerError).code).toBe('CTQ_BROKER_CLOSED');
      }
    },
  },
];
