import { expect } from 'vitest';
import type { Broker, Exchange, Queue } from '../../../src/broker.js';
import type { BrokerCase } from '../broker.js';
import { taskMessage } from '../messages.js';
import { declare, remaining, send } from './verbs.js';

const direct: Exchange = { name: 'orders', type: 'direct' };
const topic: Exchange = { name: 'news', type: 'topic' };
const fanout: Exchange = { name: 'all-hands', type: 'fanout' };

async function bind(broker: Broker, exchange: Exchange, bindings: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, routingKey] of Object.entries(bindings)) await broker.declare({ name, exchange, routingKey } satisfies Queue);
}

async function publish(broker: Broker, exchange: Exchange, routingKey: string, id: string): Promise<void> {
  await broker.publish(taskMessage(id), { exchange, routingKey });
}

export const routingCases: readonly BrokerCase[] = [
  {
    title: 'the default exchange reaches the queue named by the routing key, and no other',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q', 'other');
      await send(broker, 'q', ['a']);
      expect(await broker.depth('other')).toBe(0);
      expect(await remaining(broker, 'q')).toEqual(['a']);
    },
  },
  {
    title: 'a direct exchange reaches every queue bound with exactly that key',
    async run({ open }) {
      const broker = await open();
      await bind(broker, direct, { eu: 'order.eu', eucopy: 'order.eu', us: 'order.us' });
      await publish(broker, direct, 'order.eu', 'a');
      await publish(broker, direct, 'order.us', 'b');
      expect(await remaining(broker, 'eu')).toEqual(['a']);
      expect(await remaining(broker, 'eucopy')).toEqual(['a']);
      expect(await remaining(broker, 'us')).toEqual(['b']);
    },
  },
  {
    title: 'a topic exchange matches * with one word and # with any number',
    async run({ open }) {
      const broker = await open();
      await bind(broker, topic, { one: 'stock.*', many: 'stock.#', exact: 'stock.usd', tail: '#.nyse' });
      for (const key of ['stock.usd', 'stock.usd.nyse', 'bond.usd']) await publish(broker, topic, key, key);
      expect(await remaining(broker, 'one')).toEqual(['stock.usd']);
      expect(await remaining(broker, 'many')).toEqual(['stock.usd', 'stock.usd.nyse']);
      expect(await remaining(broker, 'exact')).toEqual(['stock.usd']);
      expect(await remaining(broker, 'tail')).toEqual(['stock.usd.nyse']);
    },
  },
  {
    title: 'a queue bound twice to one exchange gets one copy',
    async run({ open }) {
      const broker = await open();
      await broker.declare({ name: 'q', exchange: topic, routingKey: 'a.*' });
      await broker.declare({ name: 'q', exchange: topic, routingKey: 'a.#' });
      await publish(broker, topic, 'a.b', 'once');
      expect(await remaining(broker, 'q')).toEqual(['once']);
    },
  },
  {
    title: 'bindings made by one client serve another',
    async run({ open }) {
      const [one, two] = [await open(), await open()];
      await publish(two, direct, 'order.eu', 'early');
      await bind(one, direct, { eu: 'order.eu' });
      await publish(two, direct, 'order.eu', 'a');
      expect(await remaining(two, 'eu')).toEqual(['a']);
    },
  },
  {
    title: 'a message that no queue is bound for is dropped without an error',
    async run({ open }) {
      const broker = await open();
      await bind(broker, direct, { eu: 'order.eu' });
      await publish(broker, direct, 'order.mars', 'lost');
      await publish(broker, { name: 'nobody-declared-this', type: 'direct' }, 'k', 'lost');
      expect(await broker.depth('eu')).toBe(0);
    },
  },
  {
    title: 'every queue bound to a fanout exchange gets its copy',
    async run({ open }) {
      const broker = await open();
      await bind(broker, fanout, { left: '', right: '' });
      await publish(broker, fanout, '', 'a');
      expect(await remaining(broker, 'left')).toEqual(['a']);
      expect(await remaining(broker, 'right')).toEqual(['a']);
    },
  },
];
