import { setFlagsFromString } from 'node:v8';
import { expect, vi } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { PoolBench, PoolCase } from '../pool.js';
import { quickest } from '../../support/undisturbed.js';

export const misbehaviourCases: readonly PoolCase[] = [
  {
    title: 'where the code of a busy loop is can be seen from outside, and nobody is disturbed by that',
    async run(bench) {
      const pool = await bench.open({ size: 2 });
      const [busy, waiting] = [bench.start('pool.spin_for_ever', [], { id: 'busy' }), bench.start('pool.sleep', [1.5], { id: 'waiting' })];
      await eventually(() => busy.begunIn.length === 1 && waiting.begunIn.length === 1);
      await eventually(async () => {
        const stacks = await pool.stacks?.();
        expect(stacks?.get('busy')?.[0]).toMatch(/pool-tasks.tasks\.ts:\d+:\d+/);
        expect(stacks?.has('waiting')).toBe(false);
      });
      expect(await waiting.outcome).toEqual({ kind: 'success', value: 1.5 });
      // Again and again, as an operator does: Node 20 aborts a process whose questioner is gone before its last answer.
      // One look in a hurry may see nothing: half a second is all that it takes.
      for (let look = 0; look < 20; look += 1) await pool.stacks?.();
      await eventually(async () => expect((await pool.stacks?.())?.has('busy')).toBe(true));
      busy.watch.abort?.('terminated', 'SIGKILL');
      expect(await busy.outcome).toMatchObject({ kind: 'revoked' });
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'a task that ends its process is told as a lost worker, and the pool heals',
    async run(bench) {
      await bench.open({ size: 2 });
      const other = bench.start('pool.sleep', [0.5]);
      expect(await bench.run('pool.exit', [1])).toMatchObject({ kind: 'worker-lost', exitCode: 1, signal: null });
      expect(await bench.run('pool.exit', [0])).toMatchObject({ kind: 'worker-lost', exitCode: 0, signal: null });
      expect(await other.outcome).toEqual({ kind: 'success', value: 0.5 });
      await isWell(bench);
    },
  },
  {
    title: 'so is one whose process is killed, or crashes',
    async run(bench) {
      await bench.open({ size: 2 });
      for (const signal of ['SIGKILL', 'SIGSEGV']) {
        expect(await bench.run('pool.kill', [signal])).toEqual({ kind: 'worker-lost', exitCode: null, signal });
      }
      await isWell(bench);
      expect(bench.lines.filter((line) => line.startsWith('ERROR'))).toEqual([
        expect.stringMatching(/^ERROR Process ForkPoolWorker-\d+ pid:\d+ exited with SIGKILL$/),
        expect.stringMatching(/^ERROR Process ForkPoolWorker-\d+ pid:\d+ exited with SIGSEGV$/),
      ]);
    },
  },
  {
    title: 'a task that fills the heap is told as a lost worker, and the pool heals',
    async run(bench) {
      // For what begins from now on: the usual heap takes long to fill.
      vi.stubEnv('NODE_OPTIONS', '--max-old-space-size=64');
      setFlagsFromString('--max-old-space-size=64');
      try {
        await bench.open({ size: 1 });
        expect(await bench.run('pool.fill_heap')).toMatchObject({ kind: 'worker-lost' });
        await isWell(bench);
      } finally {
        setFlagsFromString('--max-old-space-size=0');
      }
    },
  },
  {
    title: 'an unhandled rejection after the return is logged with its task, and changes nothing',
    async run(bench) {
      await bench.open({ size: 1 });
      expect(await bench.run('pool.reject_later', [], { id: 'r' })).toEqual({ kind: 'success', value: 'returned' });
      await eventually(() =>
        expect(bench.lines.join('\n')).toMatch(
          /ERROR Unhandled rejection left behind by task pool\.reject_later\[r\]:\n[\s\S]*left behind/,
        ),
      );
      await isWell(bench);
    },
  },
  {
    title: 'an exception in a timer ends the task that waits for it, and nothing else',
    async run(bench) {
      await bench.open({ size: 1 });
      expect(await bench.run('pool.throw_in_timer', [], { id: 'e' })).toMatchObject({
        kind: 'failure',
        error: { type: 'Error', args: ['in a timer'] },
      });
      await eventually(() => expect(bench.lines.join('\n')).toMatch(/CRITICAL Uncaught exception in task pool\.throw_in_timer\[e\]/));
      await isWell(bench);
    },
  },
  {
    title: 'a timer that was left behind keeps neither the task nor the close waiting',
    async run(bench) {
      const tookMs = await quickest(5_000, async () => {
        const pool = await bench.open({ size: 1 });
        expect(await bench.run('pool.leak_timer')).toEqual({ kind: 'success', value: 'returned' });
        await isWell(bench);
        const startedMs = performance.now();
        await pool.close('drain');
        return performance.now() - startedMs;
      });
      expect(tookMs).toBeLessThan(5_000);
    },
  },
];

async function isWell(bench: PoolBench): Promise<void> {
  expect(await bench.run('pool.add', [20, 22])).toEqual({ kind: 'success', value: 42 });
}
