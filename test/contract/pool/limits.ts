import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { tmpFolder } from '../../support/tmp.js';
import type { PoolBench, PoolCase, RunOptions } from '../pool.js';
import { quickest, undisturbed } from '../../support/undisturbed.js';

export const limitCases: readonly PoolCase[] = [
  {
    title: 'at the soft limit task.signal is aborted with SoftTimeLimitExceeded, and the task may clean up',
    async run(bench) {
      await bench.open();
      const run = bench.start('pool.clean_up', [], { softTimeLimitMs: 100 });
      expect(await run.outcome).toEqual({ kind: 'success', value: 'cleaned up after SoftTimeLimitExceeded' });
      expect(run.softLimitsMs).toEqual([100]);
      expect(await bench.run('pool.is_soft_limit', [], { softTimeLimitMs: 100 })).toEqual({ kind: 'success', value: true });
    },
  },
  {
    title: 'a task that has not asked for its signal fails with SoftTimeLimitExceeded',
    async run(bench) {
      await bench.open();
      for (const task of ['pool.wait_for_ever', 'pool.wait_for_signal']) {
        const run = bench.start(task, [], { softTimeLimitMs: 100 });
        expect(await run.outcome).toMatchObject({
          kind: 'failure',
          error: { type: 'SoftTimeLimitExceeded', module: 'billiard.exceptions' },
        });
        expect(run.softLimitsMs).toEqual([100]);
      }
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'one that took its signal and does not react fails some seconds later',
    async run(bench) {
      await bench.open();
      const tookMs = await quickest(4_500, () =>
        timeOf(
          bench,
          'pool.deaf',
          { softTimeLimitMs: 100, softGraceMs: 800 },
          { kind: 'failure', error: { type: 'SoftTimeLimitExceeded' } },
        ),
      );
      expect(tookMs).toBeGreaterThan(850);
      expect(tookMs).toBeLessThan(4_500);
    },
  },
  {
    title: 'the hard limit ends a task that waits',
    async run(bench) {
      await bench.open();
      const outcome = { kind: 'timed-out', limitMs: 300 };
      expect(await quickest(4_000, () => timeOf(bench, 'pool.wait_for_ever', { timeLimitMs: 300 }, outcome))).toBeLessThan(4_000);
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'the hard limit ends a busy loop, the others in flight finish, and the next task runs within a second',
    async run(bench) {
      await bench.open({ size: 2 });
      const other = bench.start('pool.sleep', [1.2]);
      const tookMs = await quickest(4_000, async () => {
        const startedMs = performance.now();
        const run = bench.start('pool.spin_for_ever', [], { timeLimitMs: 500, softTimeLimitMs: 200 });
        expect(await run.outcome).toEqual({ kind: 'timed-out', limitMs: 500 });
        const endedMs = performance.now();
        // It could not hear of it, but it is said.
        expect(run.softLimitsMs).toEqual([200]);
        expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
        // Where nothing else runs the next one is quicker: a process or a thread has to start for it.
        return Math.max(endedMs - startedMs, performance.now() - endedMs);
      });
      expect(tookMs).toBeLessThan(4_000);
      expect(await other.outcome).toEqual({ kind: 'success', value: 1.2 });
    },
  },
  {
    title: 'nothing of a task that was ended at its limit runs on beside the next',
    async run(bench) {
      await bench.open({ size: 1 });
      const file = join(tmpFolder(), 'ticks');
      expect(await bench.run('pool.tick', [file], { softTimeLimitMs: 200 })).toMatchObject({ kind: 'failure' });
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
      await eventually(async () => {
        const { size } = statSync(file);
        await sleepMs(200);
        return size > 0 && statSync(file).size === size;
      });
    },
  },
  {
    title: 'a limit that was kept has no consequences',
    async run(bench) {
      await bench.open({ size: 1 });
      const first = await undisturbed(800, async () => {
        const run = bench.start('pool.sleep', [0.05], { softTimeLimitMs: 900, timeLimitMs: 1_000 });
        expect(await run.outcome).toMatchObject({ kind: 'success' });
        return run;
      });
      // It runs when they would have come.
      expect(await bench.run('pool.sleep', [1.2])).toMatchObject({ kind: 'success' });
      expect(first.softLimitsMs).toEqual([]);
    },
  },
];

/** How long a run took that ended so. */
async function timeOf(bench: PoolBench, task: string, options: RunOptions, outcome: object): Promise<number> {
  const startedMs = performance.now();
  expect(await bench.run(task, [], options)).toMatchObject(outcome);
  return performance.now() - startedMs;
}
