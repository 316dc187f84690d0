import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { consume, declare } from './verbs.js';

export const limitCases: readonly BrokerCase[] = [
  {
    title: 'all who ask for places in one line get different ones, an interval apart',
    async run({ open }) {
      const [one, other] = [(await open()).limits, (await open()).limits];
      if (one === undefined || other === undefined) return;
      const wish = { intervalMs: 60_000, count: 3, aheadMs: 600_000 };
      const first = await one.reserve('tasks.a', wish);
      const second = await other.reserve('tasks.a', wish);
      expect(first.waitsMs.map(Math.round)).toEqual([0, 60_000, 120_000]);
      const gaps = second.waitsMs.map((waitMs, index) => waitMs - (first.waitsMs[index] ?? 0));
      for (const gap of gaps) expect(gap).toBeGreaterThan(120_000);
      for (const gap of gaps) expect(gap).toBeLessThanOrEqual(180_000);
      expect((await other.reserve('tasks.b', wish)).waitsMs[0]).toBeLessThanOrEqual(1);
    },
  },
  {
    title: 'no place is given that is too far ahead',
    async run({ open }) {
      const { limits } = await open();
      if (limits === undefined) return;
      const { waitsMs, nextMs } = await limits.reserve('tasks.a', { intervalMs: 60_000, count: 5, aheadMs: 100 });
      expect(waitsMs).toHaveLength(1);
      expect(nextMs).toBeGreaterThan(59_000);
      expect((await limits.reserve('tasks.a', { intervalMs: 60_000, count: 5, aheadMs: 100 })).waitsMs).toEqual([]);
    },
  },
  {
    title: 'there are as many permits as there are, for all together',
    async run({ open }) {
      const [one, other] = [(await open()).limits, (await open()).limits];
      if (one === undefined || other === undefined) return;
      const terms = { limit: 3, leaseMs: 60_000 };
      expect(await one.acquire('tasks.a', ['a', 'b'], terms)).toEqual(['a', 'b']);
      expect(await other.acquire('tasks.a', ['c', 'd'], terms)).toEqual(['c']);
      expect(await other.acquire('tasks.a', ['d'], terms)).toEqual([]);
      await one.release('tasks.a', ['a']);
      expect(await other.acquire('tasks.a', ['c', 'd'], terms)).toEqual(['c', 'd']);
    },
  },
  {
    title: 'a permit goes with its owner, as what the owner holds does',
    async run({ open }) {
      const broker = await open();
      const { limits } = broker;
      await declare(broker, 'q');
      const { ownerId } = await consume(broker, ['q'], 1, new DeliveryLog());
      if (limits === undefined || ownerId === undefined) return;
      const terms = { limit: 1, leaseMs: 60_000 };
      // It is known from its first beat on.
      await eventually(async () => {
        await limits.release('tasks.a', ['other']);
        expect(await limits.acquire('tasks.a', [`${ownerId}:1`], terms)).toEqual([`${ownerId}:1`]);
        expect(await limits.acquire('tasks.a', ['other'], terms)).toEqual([]);
      });
      await limits.acquire('tasks.b', ['of-the-dead:1'], terms);
      expect(await limits.acquire('tasks.b', ['other'], terms)).toEqual(['other']);
    },
  },
  {
    title: 'a permit that nobody renews is free again',
    async run({ open }) {
      const { limits } = await open();
      if (limits === undefined) return;
      expect(await limits.acquire('tasks.a', ['dead'], { limit: 1, leaseMs: 60_000 })).toEqual(['dead']);
      expect(await limits.acquire('tasks.a', ['dead', 'other'], { limit: 0, leaseMs: 100 })).toEqual(['dead']);
      await eventually(async () => expect(await limits.acquire('tasks.a', ['other'], { limit: 1, leaseMs: 60_000 })).toEqual(['other']));
    },
  },
];
