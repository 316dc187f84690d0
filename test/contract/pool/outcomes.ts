import { expect } from 'vitest';
import { stringifyJson } from '../../../src/protocol/kombu-json.js';
import type { PoolCase } from '../pool.js';

export const outcomeCases: readonly PoolCase[] = [
  {
    title: 'a failure has type, message and a traceback into the task’s own file',
    async run(bench) {
      await bench.open();
      for (const task of ['pool.fail', 'pool.fail_later']) {
        const outcome = await bench.run(task, ['boom']);
        expect(outcome).toMatchObject({
          kind: 'failure',
          expected: false,
          error: { type: 'ValueError', args: ['boom'], module: 'builtins' },
        });
        expect((outcome as { error: { traceback: string } }).error.traceback).toMatch(
          /Traceback \(most recent call last\):\n[\s\S]*pool-tasks\/tasks\.ts", line \d+[\s\S]*\nValueError: boom\n$/,
        );
      }
    },
  },
  {
    title: 'an error in `throws` is expected, one of strangers a failure like others',
    async run(bench) {
      await bench.open();
      expect(await bench.run('pool.fail_expected')).toMatchObject({ kind: 'failure', expected: true });
      expect(await bench.run('pool.throw_string')).toMatchObject({ kind: 'failure', error: { type: 'Error', args: ['no error'] } });
      expect(await bench.run('pool.nobody')).toMatchObject({ kind: 'failure', error: { type: 'NotRegistered', args: ['pool.nobody'] } });
    },
  },
  {
    title: 'Retry, Ignore and Reject are understood',
    async run(bench) {
      await bench.open();
      expect(await bench.run('pool.retry', [1])).toMatchObject({
        ...{ kind: 'retry', countdownS: 3, args: [2], kwargs: null, options: { priority: 4 } },
        error: { type: 'ValueError', args: ['again'] },
      });
      expect(await bench.run('pool.retry', [1], { request: { retries: 2 } })).toMatchObject({
        kind: 'failure',
        error: { type: 'ValueError', args: ['again'] },
      });
      expect(await bench.run('pool.ignore')).toEqual({ kind: 'ignored', reason: 'not today' });
      expect(await bench.run('pool.reject', ['drop'])).toEqual({ kind: 'rejected', reason: 'not mine' });
      expect(await bench.run('pool.reject', ['requeue'])).toEqual({ kind: 'requeued', reason: 'not mine' });
    },
  },
  {
    title: 'a value that cannot be written is a success until somebody writes it',
    async run(bench) {
      await bench.open();
      const outcome = await bench.run('pool.unwritable');
      expect(outcome.kind).toBe('success');
      expect(() => stringifyJson((outcome as { value: unknown }).value)).toThrow('Object of type symbol is not JSON serializable');
    },
  },
];
