import { expect } from 'vitest';
import type { BrokerBench, BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { quickest, undisturbed } from '../../support/undisturbed.js';
import { consume, declare, drainUpTo, send } from './verbs.js';

/** Far enough for the steps before it to be over, near enough to wait for. */
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
      const log = new DeliveryLog();
      await consume(broker, ['q'], 10, log);
      const lateMs = await quickest(2_500, async () => {
        const before = log.deliveries.length;
        await send(broker, 'q', ['later']);
        const dueAt = Date.now() + SOON_MS;
        expect(await (await log.nth(before)).park(new Date(dueAt))).toBe('settled');
        const again = await log.nth(before + 1);
        const late = Date.now() - dueAt;
        expect(late).toBeGreaterThanOrEqual(-5);
        expect(again).toMatchObject({ redelivered: false, redeliveryCount: 0 });
        await again.ack();
        return late;
      });
      expect(lateMs).toBeLessThan(2_500);
      expect(new Set(log.ids())).toEqual(new Set(['later']));
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
      const [broker, other] = [await parkingBroker(bench), await bench.open()];
      // Time enough for the other one to be there before the first is due: what is late already comes as it stands in its queue.
      const [aheadMs, lastMs] = [2_000, 600];
      await undisturbed(aheadMs + lastMs + 100, async (time) => {
        const queue = `q${time}`;
        await declare(broker, queue);
        await send(broker, queue, ['third', 'first', 'second']);
        const parked = new DeliveryLog();
        const parker = await consume(broker, [queue], 3, parked);
        const held = await parked.first(3);
        parker.setPrefetch(0);
        const dueAt = Date.now() + aheadMs;
        await Promise.all(held.map((delivery, index) => delivery.park(new Date(dueAt + [lastMs, 0, 300][index]!))));
        await parker.close();
        expect(await drainUpTo(other, queue, 'third')).toEqual(['first', 'second', 'third']);
        expect(Date.now()).toBeGreaterThanOrEqual(dueAt + lastMs - 5);
      });
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
