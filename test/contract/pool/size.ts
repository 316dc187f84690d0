import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { PoolBench, PoolCase, Started } from '../pool.js';

export const sizeCases: readonly PoolCase[] = [
  {
    title: 'as many tasks as it has slots run at once',
    async run(bench) {
      const pool = await bench.open({ size: 3 });
      expect(pool.size).toBe(3);
      // None of them ends before all have begun.
      const runs = startAll(bench, 3, 'pool.wait_for_signal', []);
      await Promise.all(runs.map(({ begun }) => begun));
      for (const { watch } of runs) watch.abort?.('terminated', 'SIGTERM');
      for (const { outcome } of runs) expect(await outcome).toMatchObject({ kind: 'revoked' });
    },
  },
  {
    title: 'one at a time runs in the order in which they came',
    async run(bench) {
      await bench.open({ size: 1 });
      const order: string[] = [];
      const runs = startAll(bench, 3, 'pool.sleep', [0.01]).map(({ outcome }, index) => outcome.then(() => order.push(`end ${index}`)));
      await Promise.all(runs);
      expect(order).toEqual(['end 0', 'end 1', 'end 2']);
    },
  },
  {
    title: 'tasks that compute run beside each other',
    async run(bench) {
      await bench.open({ size: 2 });
      // Neither ends by itself: the second begins beside the first.
      const runs = startAll(bench, 2, 'pool.spin_for_ever', []);
      await Promise.all(runs.map(({ begun }) => begun));
      for (const { watch } of runs) watch.abort?.('terminated', 'SIGKILL');
      for (const { outcome } of runs) expect(await outcome).toMatchObject({ kind: 'revoked' });
    },
  },
  {
    title: 'it grows and shrinks while it works',
    async run(bench) {
      const pool = await bench.open({ size: 1 });
      await pool.resize(3);
      expect(pool.size).toBe(3);
      const runs = startAll(bench, 3, 'pool.sleep', [0.3]);
      await Promise.all(runs.map(({ begun }) => begun));
      await pool.resize(1);
      expect(pool.size).toBe(1);
      for (const { outcome } of runs) expect(await outcome).toMatchObject({ kind: 'success' });
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'a shrunken pool lets children go, one more than its slots stays',
    async run(bench) {
      const pool = await bench.open({ size: 3 });
      await eventually(() => pool.processes.length === 4);
      await pool.resize(1);
      await eventually(() => pool.processes.length === 2);
    },
  },
  {
    title: 'a child is replaced after so many tasks, and no task is lost at that',
    async run(bench) {
      await bench.open({ size: 2, maxTasks: 5 });
      const runs = startAll(bench, 40, 'pool.add', [1, 1]);
      for (const { outcome } of runs) expect(await outcome).toEqual({ kind: 'success', value: 2 });
      const first = await bench.run('pool.notes');
      expect(first.kind).toBe('success');
    },
  },
  {
    title: 'a child that has grown too large is replaced',
    async run(bench) {
      // More than Node itself needs, less than that and the hoard.
      await bench.open({ size: 1, maxMemoryKib: 300 * 1024 });
      expect(await bench.run('pool.hoard', [10])).toEqual({ kind: 'success', value: 1 });
      expect(await bench.run('pool.hoard', [400])).toEqual({ kind: 'success', value: 2 });
      expect(await bench.run('pool.hoard', [10])).toEqual({ kind: 'success', value: 1 });
      await eventually(() =>
        expect(bench.lines.join('\n')).toMatch(/WARNING child process exiting after exceeding memory limit \(\d+KiB \/ 307200KiB\)/),
      );
    },
  },
  {
    title: 'a restart replaces all children, and what runs finishes in the old ones',
    async run(bench) {
      const pool = await bench.open({ size: 2 });
      const before = await initCounts(bench);
      const running = bench.start('pool.sleep', [0.5]);
      await running.begun;
      await pool.restart?.();
      expect(await running.outcome).toEqual({ kind: 'success', value: 0.5 });
      expect(before).toBe(1);
      // A fresh child tells of its beginning.
      expect(await initCounts(bench)).toBe(1);
    },
  },
];

function startAll(bench: PoolBench, count: number, task: string, args: readonly unknown[]): Started[] {
  return Array.from({ length: count }, () => bench.start(task, args));
}

async function initCounts(bench: PoolBench): Promise<number> {
  const { value } = (await bench.run('pool.notes')) as { value: string[] };
  return value.filter((note) => note.startsWith('workerProcessInit')).length;
}
