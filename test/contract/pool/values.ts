import { expect } from 'vitest';
import { DateTime, Decimal, Uuid } from '../../../src/protocol/typed-values.js';
import type { PoolCase } from '../pool.js';

export const valueCases: readonly PoolCase[] = [
  {
    title: 'a task gets its arguments, and its value comes back',
    async run(bench) {
      await bench.open();
      expect(await bench.run('pool.add', [3, 4])).toEqual({ kind: 'success', value: 7 });
      expect(await bench.run('pool.echo', [{ a: [1, null, 'ü', true] }])).toEqual({ kind: 'success', value: { a: [1, null, 'ü', true] } });
      expect(await bench.run('pool.named', [1], { kwargs: { b: 5 } })).toEqual({ kind: 'success', value: { a: 1, b: 5 } });
    },
  },
  {
    title: 'integers beyond 2^53, dates, decimals, bytes and NaN are there and back what they were',
    async run(bench) {
      await bench.open();
      const values = [2n ** 80n, new DateTime('2026-11-21T08:00:00.123456+01:00'), new Decimal('1.10'), Buffer.from([0, 255]), Number.NaN];
      const outcome = await bench.run('pool.echo', [[...values, new Uuid('12345678-1234-5678-1234-567812345678')]]);
      expect(outcome.kind).toBe('success');
      const [big, date, decimal, bytes, nan, uuid] = (outcome as { value: unknown[] }).value;
      expect(big).toBe(2n ** 80n);
      expect((date as DateTime).isoText).toBe('2026-11-21T08:00:00.123456+01:00');
      expect(String(decimal)).toBe('1.10');
      expect(Buffer.from(bytes as Uint8Array)).toEqual(Buffer.from([0, 255]));
      expect(nan).toBeNaN();
      expect(String(uuid)).toBe('12345678-1234-5678-1234-567812345678');
      expect(await bench.run('pool.type_of', [values[1]])).toMatchObject({ value: '[object Date]' });
    },
  },
  {
    title: 'data that only looks like a typed value stays data',
    async run(bench) {
      await bench.open();
      expect(await bench.run('pool.type_of', [{ __type__: 'unheard of', __value__: 1 }])).toMatchObject({ value: '[object Object]' });
    },
  },
  {
    title: 'task.request says what the message said',
    async run(bench) {
      await bench.open();
      const request = {
        rootId: 'the-root',
        parentId: 'the-parent',
        retries: 2,
        headers: { 'x-tenant': 'a', id: 'i' },
        timelimit: [10, null] as const,
      };
      expect(await bench.run('pool.request', [1, 'a'], { id: 'i', kwargs: {}, request })).toMatchObject({
        kind: 'failure',
        error: { type: 'TypeError', args: ['request() takes 0 positional arguments but 2 were given'] },
      });
      expect(await bench.run('pool.request', [], { id: 'i', request })).toEqual({
        kind: 'success',
        value: {
          ...{ id: 'i', task: 'pool.request', args: [], hostname: 'celery@test' },
          ...request,
          deliveryInfo: { exchange: '', routingKey: 'celery', priority: 0, redelivered: false },
        },
      });
    },
  },
  {
    title: 'megabytes go there and come back',
    async run(bench) {
      await bench.open();
      const text = 'ä"\\\n'.repeat(500_000);
      const outcome = await bench.run('pool.echo', [text]);
      expect((outcome as { value: unknown }).value === text).toBe(true);
    },
  },
];
