import { expect } from 'vitest';
import { MessageStateError } from '../../../src/errors.js';
import { openSettlement } from '../../../src/settlement.js';
import { consume, declare, remaining, send, taking } from '../broker/verbs.js';
import { DeliveryLog } from '../delivery-log.js';
import { idsOf } from '../messages.js';
import { failureMeta, resultMeta } from '../metas.js';
import type { ResultBackendCase } from '../result-backend.js';

export const settlingCases: readonly ResultBackendCase[] = [
  {
    title: 'completing stores the result and acknowledges the delivery',
    async run({ open, openBroker }) {
      const [backend, reader, broker] = [await open(), await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      const { log, consumer } = await taking(broker, ['a', 'b'], 2);
      const [a, b] = await log.first(2);
      expect(await settlement.complete(a!, resultMeta('a', 'SUCCESS', 7))).toBe('settled');
      expect(await settlement.complete(b!, failureMeta('b'))).toBe('settled');
      expect((await reader.loadMany(['a', 'b'])).map((meta) => meta?.status)).toEqual(['SUCCESS', 'FAILURE']);
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'somebody who waits hears of a completed task',
    async run({ open, openBroker }) {
      const [backend, reader, broker] = [await open(), await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      await declare(broker, 'q');
      const log = new DeliveryLog({ onDeliver: (delivery) => void settlement.complete(delivery, resultMeta('a', 'SUCCESS', 7)) });
      await consume(broker, ['q'], 1, log);
      const waiting = reader.wait('a', {});
      await send(broker, 'q', ['a']);
      expect((await waiting).result).toBe(7);
    },
  },
  {
    title: 'a delivery that is no longer ours is fenced, and its result is not written',
    async run({ open, openBroker }) {
      const [backend, broker] = [await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      const { log, consumer } = await taking(broker, ['a'], 1);
      const held = await log.nth(0);
      await consumer.close();
      expect(await settlement.complete(held, resultMeta('a', 'SUCCESS', 7))).toBe('fenced');
      expect(await backend.load('a')).toBeUndefined();
      expect(await remaining(broker, 'q')).toEqual(['a']);
    },
  },
  {
    title: 'completing twice throws MessageStateError and writes nothing more',
    async run({ open, openBroker }) {
      const [backend, broker] = [await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      const { log } = await taking(broker, ['a'], 1);
      const held = await log.nth(0);
      await settlement.complete(held, failureMeta('a', 'first'));
      await expect((async () => settlement.complete(held, resultMeta('a', 'SUCCESS')))()).rejects.toThrow(MessageStateError);
    },
  },
  {
    title: 'a success that is stored already stays, and the delivery is acknowledged all the same',
    async run({ open, openBroker }) {
      const [backend, broker] = [await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      await declare(broker, 'q');
      await send(broker, 'q', ['a']);
      await backend.store(resultMeta('a', 'SUCCESS', 'first'));
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 1, log);
      expect(await settlement.complete(await log.nth(0), failureMeta('a'))).toBe('settled');
      expect((await backend.load('a'))?.result).toBe('first');
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'five hundred completed in one tick are all stored and all acknowledged',
    async run({ open, openBroker }) {
      const [backend, broker] = [await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      await declare(broker, 'q');
      const ids = idsOf('m', 500);
      await send(broker, 'q', ids);
      const log = new DeliveryLog();
      const consumer = await consume(broker, ['q'], 500, log);
      const held = await log.first(500);
      const answers = await Promise.all(
        held.map((delivery, index) => settlement.complete(delivery, resultMeta(ids[index]!, 'SUCCESS', index))),
      );
      expect(new Set(answers)).toEqual(new Set(['settled']));
      expect((await backend.loadMany(ids)).map((meta) => meta?.result)).toEqual(ids.map((_, index) => index));
      await consumer.close();
      expect(await remaining(broker, 'q')).toEqual([]);
    },
  },
  {
    title: 'completing while the consumer closes is settled with its result, or fenced and given back',
    async run({ open, openBroker, settlesJointly }) {
      const [backend, broker] = [await open(), await openBroker()];
      const settlement = openSettlement(broker, backend);
      const { log, consumer } = await taking(broker, ['a'], 1);
      const answer = settlement.complete(await log.nth(0), resultMeta('a', 'SUCCESS'));
      await consumer.close();
      const stored = (await backend.load('a')) !== undefined;
      const back = (await remaining(broker, 'q')).includes('a');
      const settled = (await answer) === 'settled';
      expect(back).toBe(!settled);
      if (settled || settlesJointly) expect(stored).toBe(settled);
    },
  },
];
