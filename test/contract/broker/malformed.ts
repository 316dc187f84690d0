import { expect } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import type { BrokerBench, BrokerCase } from '../broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { consume, declare, send } from './verbs.js';

/** Things found in a queue that are no envelope. */
const POISON: Readonly<Record<string, Uint8Array>> = {
  empty: Buffer.from(''),
  'not JSON': Buffer.from('hello'),
  'half an envelope': Buffer.from('{"body": "W10=", "headers": {'),
  'a number': Buffer.from('42'),
  null: Buffer.from('null'),
  'an array': Buffer.from('[]'),
  'headers that are a list': Buffer.from('{"body": "", "content-type": "application/json", "headers": [], "properties": {}}'),
  'a body that is a number': Buffer.from('{"body": 1, "content-type": "application/json", "headers": {}, "properties": {}}'),
  'bytes that are not UTF-8': Uint8Array.from([0xff, 0xfe, 0x00, 0x80, 0xc3]),
  'nested too deep': Buffer.from('['.repeat(200_000)),
};

async function put({ engine }: BrokerBench, queue: string, raw: Uint8Array): Promise<void> {
  if (engine.putRaw === undefined) throw new Error('an engine that cannot hold raw bytes skips this case');
  await engine.putRaw(queue, raw);
}

export const malformedCases: readonly BrokerCase[] = [
  {
    title: 'something that is no message is reported and put aside, and the next good message comes',
    async run(bench) {
      const broker = await bench.open();
      await declare(broker, 'q');
      const log = new DeliveryLog();
      await consume(broker, ['q'], 1, log);
      let seen = 0;
      for (const [name, raw] of Object.entries(POISON)) {
        await put(bench, 'q', raw);
        await send(broker, 'q', [name]);
        await (await log.nth(seen)).ack();
        seen += 1;
        await log.until(() => log.malformedOnes.length >= seen, `a report about ${name}`);
        const report = log.malformedOnes[seen - 1];
        expect(report?.queue, name).toBe('q');
        expect(report?.error, name).toBeInstanceOf(ProtocolError);
        expect(Buffer.from(report?.raw ?? []).equals(Buffer.from(raw)), `${name}: the raw bytes are handed over`).toBe(true);
      }
      expect(log.ids()).toEqual(Object.keys(POISON));
      expect(log.malformedOnes).toHaveLength(seen);
      expect(await broker.depth('q')).toBe(0);
    },
  },
  {
    title: 'a flood of malformed items does not use up the prefetch',
    async run(bench) {
      const broker = await bench.open();
      await declare(broker, 'q');
      for (let index = 0; index < 30; index += 1) await put(bench, 'q', Buffer.from(`junk ${index}`));
      await send(broker, 'q', ['good']);
      const log = new DeliveryLog();
      await consume(broker, ['q'], 2, log);
      await (await log.nth(0)).ack();
      expect(log.ids()).toEqual(['good']);
      await log.until(() => log.malformedOnes.length >= 30, 'a report about each');
      expect(log.malformedOnes).toHaveLength(30);
    },
  },
  {
    title: 'malformed items are kept among the dead letters with a reason, where there are any',
    async run(bench) {
      const broker = await bench.open();
      await declare(broker, 'q');
      await put(bench, 'q', Buffer.from('junk'));
      const log = new DeliveryLog();
      await consume(broker, ['q'], 2, log);
      await log.until(() => log.malformedOnes.length === 1, 'the report');
      const letters = await bench.engine.deadLetters?.('q');
      if (letters === undefined) return;
      expect(letters).toHaveLength(1);
      expect(letters[0]?.reason).not.toBe('');
    },
  },
];
