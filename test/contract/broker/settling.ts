import { expect } from 'vitest';
import type { Delivery } from '../../../src/broker.js';
import { MessageStateError } from '../../../src/errors.js';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog, messageId } from '../delivery-log.js';
import { consume, declare, remaining, send, taking } from './verbs.js';
import { idsOf } from '../messages.js';

const verbs: Readonly<Record<string, (delivery: Delivery) => Promise<unknown>>> = {
  ack: (delivery) => delivery.ack(),
  requeue: (delivery) => delivery.requeue('back'),
  reject: (delivery) => delivery.reject('no'),
};

export const settlingCases: readonly BrokerCase[] = [
  {
    title: 'an acknowledged message is gone',
    async run({ open }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, ['a'], 1);
      expect(await (await log.nth(0)).ack()).toBe('settled');
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'settling twice throws MessageStateError, whichever verb came first',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      let seen = 0;
      for (const first of Object.values(verbs)) {
        for (const second of Object.values(verbs)) {
          await send(broker, 'q', [`m${seen}`]);
          const delivery = await log.nth(seen);
          seen += 1;
          const answer = first(delivery);
          await expect((async () => second(delivery))()).rejects.toThrow(MessageStateError);
          await answer;
          await expect((async () => second(delivery))()).rejects.toThrow(MessageStateError);
          if (first !== verbs['requeue']) continue;
          await (await log.nth(seen)).ack();
          seen += 1;
        }
      }
    },
  },
  {
    title: 'requeue to the front makes it the next one',
    async run({ open }) {
      const broker = await open();
      const { log } = await taking(broker, ['a', 'b', 'c'], 1);
      await (await log.nth(0)).requeue('front');
      await (await log.nth(1)).ack();
      await (await log.nth(2)).ack();
      await log.nth(3);
      expect(log.ids()).toEqual(['a', 'a', 'b', 'c']);
    },
  },
  {
    title: 'requeue to the back lets everything that waits go first',
    async run({ open }) {
      const broker = await open();
      const { log } = await taking(broker, ['a', 'b', 'c'], 1);
      await (await log.nth(0)).requeue('back');
      for (const index of [1, 2]) await (await log.nth(index)).ack();
      await log.nth(3);
      expect(log.ids()).toEqual(['a', 'b', 'c', 'a']);
    },
  },
  {
    title: 'several requeued to the front together keep their order',
    async run({ open }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, idsOf('m', 6), 4);
      const held = await log.first(4);
      consumer.setPrefetch(0);
      await Promise.all(held.map((delivery) => delivery.requeue('front')));
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual(idsOf('m', 6));
    },
  },
  {
    title: 'a message given back is marked as redelivered and has a tag of its own; only deaths are counted',
    async run({ open, facts }) {
      const broker = await open();
      const { log } = await taking(broker, ['a'], 1);
      const first = await log.nth(0);
      await first.requeue('front');
      const second = await log.nth(1);
      await second.requeue('back');
      const third = await log.nth(2);
      await third.requeue('back', 'death');
      const fourth = await log.nth(3);
      await fourth.requeue('front', 'death');
      const all = [first, second, third, fourth, await log.nth(4)];
      expect(all.map(({ redelivered }) => redelivered)).toEqual([false, true, true, true, true]);
      expect(all.map(({ redeliveryCount }) => redeliveryCount)).toEqual(
        facts.redeliveryCount === 'exact' ? [0, 1, 1, 2, 3] : [0, 1, 1, 1, 1],
      );
      expect(new Set(all.map(({ deliveryTag }) => deliveryTag)).size).toBe(5);
      expect(messageId(third.message)).toBe('a');
    },
  },
  {
    title: 'a requeued message keeps its priority',
    async run({ open, facts }) {
      const broker = await open();
      await declare(broker, 'q');
      const [low, high] = [facts.prioritySteps[0] as number, facts.prioritySteps.at(-1) as number];
      const [urgent, patient] = facts.priorityOrder === 'lowest-first' ? [low, high] : [high, low];
      await send(broker, 'q', ['patient'], patient);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 1, log);
      const held = await log.nth(0);
      await send(broker, 'q', ['urgent'], urgent);
      await held.requeue('front');
      await (await log.nth(1)).ack();
      await (await log.nth(2)).ack();
      expect(log.ids()).toEqual(['patient', 'urgent', 'patient']);
      await consumer.close();
    },
  },
  {
    title: 'a rejected message is gone from its queue and kept among the dead letters where there are any',
    async run({ open, engine }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, ['a'], 1);
      expect(await (await log.nth(0)).reject('not for us')).toBe('settled');
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
      if (engine.deadLetters !== undefined) expect(await engine.deadLetters('q')).toEqual([{ id: 'a', reason: 'not for us' }]);
    },
  },
  {
    title: 'answers given in one tick all count, in any mixture',
    async run({ open }) {
      const broker = await open();
      const { log, consumer } = await taking(broker, idsOf('m', 40), 40);
      const held = await log.first(40);
      consumer.setPrefetch(0);
      const answers = await Promise.all(
        held.map((delivery, index) =>
          index % 4 === 0 ? delivery.requeue('back') : index % 4 === 1 ? delivery.reject('no') : delivery.ack(),
        ),
      );
      expect(new Set(answers)).toEqual(new Set(['settled']));
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual(idsOf('m', 40).filter((_, index) => index % 4 === 0));
    },
  },
];
