import { expect } from 'vitest';
import type { BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { idsOf } from '../messages.js';
import { consume, declare, send } from './verbs.js';

export const volumeCases: readonly BrokerCase[] = [
  {
    title: 'ten thousand messages arrive, none lost, none twice',
    timeoutMs: 60_000,
    async run({ open }) {
      const [one, two, publisher] = [await open(), await open(), await open()];
      await declare(publisher, 'q');
      const ids = idsOf('m', 10_000);
      const seen = new Map<string, number>();
      const count = {
        onDeliver: (delivery: { message: { headers: Readonly<Record<string, unknown>> }; ack(): Promise<unknown> }) => {
          const id = String(delivery.message.headers['id']);
          seen.set(id, (seen.get(id) ?? 0) + 1);
          void delivery.ack();
        },
      };
      const [first, second] = [new DeliveryLog(count), new DeliveryLog(count)];
      await consume(one, ['q'], 100, first);
      await consume(two, ['q'], 100, second);
      for (let from = 0; from < ids.length; from += 500) await send(publisher, 'q', ids.slice(from, from + 500));
      const done = (): boolean => seen.size === ids.length;
      await Promise.race([first.until(done, 'all of them', 50_000), second.until(done, 'all of them', 50_000)]);
      expect([...seen.values()].every((times) => times === 1)).toBe(true);
      expect(await publisher.depth('q')).toBe(0);
    },
  },
  {
    title: 'a thousand messages published in one tick keep their order',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const ids = idsOf('m', 1_000);
      const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
      await consume(broker, ['q'], 50, log);
      await send(broker, 'q', ids);
      await log.first(1_000);
      expect(log.ids()).toEqual(ids);
    },
  },
  {
    // More answers than an engine keeps under way at once: it stops taking until the store has caught up, and must then go on.
    title: 'a consumer that answers for thousands at once gets the rest',
    timeoutMs: 60_000,
    async run({ open }) {
      const [broker, publisher] = [await open(), await open()];
      await declare(publisher, 'q');
      const [many, all] = [7_000, 7_500];
      const ids = idsOf('m', all);
      for (let from = 0; from < all; from += 500) await send(publisher, 'q', ids.slice(from, from + 500));
      const waiting: { ack(): Promise<unknown> }[] = [];
      const log = new DeliveryLog({ onDeliver: (delivery) => void waiting.push(delivery) });
      await consume(broker, ['q'], many, log);
      await log.until(() => waiting.length === many, 'as many as may be held', 50_000);
      for (const delivery of waiting) void delivery.ack();
      await log.until(() => waiting.length === all, 'the rest', 20_000);
    },
  },
  {
    title: 'a message of two megabytes arrives whole',
    async run({ open }) {
      const broker = await open();
      await declare(broker, 'q');
      const body = Buffer.alloc(2 * 1024 * 1024, 'ctq ');
      await broker.publish(
        { headers: { task: 't', id: 'big' }, properties: {}, contentType: 'application/data', contentEncoding: 'binary', body },
        { exchange: { name: '', type: 'direct' }, routingKey: 'q' },
      );
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      expect(body.equals(Buffer.from((await log.nth(0)).message.body))).toBe(true);
    },
  },
];
