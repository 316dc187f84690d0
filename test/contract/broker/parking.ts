import { expect } from 'vitest';
import type { BrokerBench, BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { consume, declare, drainUpTo, send } from './verbs.js';

/** Far enough for the steps before it to be over on a busy machine, near enough to wait for. */
const SOON_MS = 1_500;

async function parkingBroker({ open }: BrokerBench) {
  const broker = await open();
  expect(broker.capabilities.parks).toBe(true);
  await declare(broker, 'q');
  return broker;
}

export const parkingCases: readonly BrokerCase[] = [
  {
    title: 'a parked message comes when it is due, not before, and not as redelivered',
    async run(bench) {
      const broker = await parkingBroker(bench);
      await send(broker, 'q', ['later']);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 10, log);
      const dueAt = Date.now() + SOON_MS;
      expect(await (await log.nth(0)).park(new Date(dueAt))).toBe('settled');
      const again = await log.nth(1);
      expect(Date.now()).toBeGreaterThanOrEqual(dueAt - 5);
      expect(Date.now()).toBeLessThan(dueAt + 2_500);
      expect(again).toMatchObject({ redelivered: false, redeliveryCount: 0 });
      expect(log.ids()).toEqual(['later', 'later']);
      await again.ack();
    },
  },
  {
    title: 'parking frees the prefetch',
    async run(bench) {
      const broker = await parkingBroker(bench);
      await send(broker, 'q', ['later', 'now']);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      await (await log.nth(0)).park(new Date(Date.now() + 3_600_000));
      await (await log.nth(1)).ack();
      expect(log.ids()).toEqual(['later', 'now']);
      expect(await broker.depth('q')).toBe(0);
    },
  },
  {
    title: 'what is parked comes in the order of its due dates, whoever parked it',
    async run(bench) {
      const broker = await parkingBroker(bench);
      const other = await bench.open();
      await send(broker, 'q', ['third', 'first', 'second']);
      const parked = new DeliveryLog();
      const parker = await consume(broker, ['q'], 3, parked);
      const held = await parked.first(3);
      parker.setPrefetch(0);
      // Time enough for the other one to be there before the first is due: what is late already comes as it stands in its queue.
      const dueAt = Date.now() + 2_000;
      await Promise.all(held.map((delivery, index) => delivery.park(new Date(dueAt + [600, 0, 300][index]!))));
      await parker.close();
      expect(await drainUpTo(other, 'q', 'third')).toEqual(['first', 'second', 'third']);
      expect(Date.now()).toBeGreaterThanOrEqual(dueAt + 595);
    },
  },
  {
    title: 'a date in the past comes back at once',
    async run(bench) {
      const broker = await parkingBroker(bench);
      await send(broker, 'q', ['a']);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      await (await log.nth(0)).park(new Date(Date.now() - 60_000));
      await (await log.nth(1)).ack();
    },
  },
  {
    title: 'a date at the end of time is held and crashes nothing',
    async run(bench) {
      const broker = await parkingBroker(bench);
      await send(broker, 'q', ['a', 'b']);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      expect(await (await log.nth(0)).park(new Date(8.64e15))).toBe('settled');
      await (await log.nth(1)).ack();
    },
  },
];
