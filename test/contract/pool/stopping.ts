import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { PoolCase } from '../pool.js';
import { quickest } from '../../support/undisturbed.js';

export const stoppingCases: readonly PoolCase[] = [
  {
    title: 'a terminated task hears its signal, and its run is revoked',
    async run(bench) {
      await bench.open();
      const run = bench.start('pool.wait_for_signal');
      await eventually(() => run.begunIn.length === 1 && run.watch.abort !== undefined);
      run.watch.abort?.('terminated', 'SIGTERM');
      expect(await run.outcome).toEqual({ kind: 'revoked', reason: 'terminated', signal: 'SIGTERM' });
      expect(run.watch.abort).toBeUndefined();
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'a task that is revoked while it runs hears it, and is revoked when it stops because of that',
    async run(bench) {
      await bench.open({ size: 2 });
      for (const task of ['pool.wait_for_signal', 'pool.cooperative']) {
        const run = bench.start(task);
        await eventually(() => run.begunIn.length === 1 && run.watch.abort !== undefined);
        // Again and again: it may not have asked for its signal yet.
        run.watch.abort?.('revoked');
        run.watch.abort?.('revoked');
        expect(await run.outcome).toEqual({ kind: 'revoked', reason: 'revoked' });
        expect(run.watch.abort).toBeUndefined();
      }
    },
  },
  {
    title: 'what a listener of its signal prints carries the task’s name and id',
    async run(bench) {
      await bench.open({ size: 2 });
      const run = bench.start('pool.says_goodbye', [], { id: 'leaving' });
      const says = (what: string) => eventually(() => expect(bench.lines).toContain(`WARNING pool.says_goodbye[leaving]: ${what}`));
      await says('hello');
      run.watch.abort?.('revoked');
      expect(await run.outcome).toEqual({ kind: 'revoked', reason: 'revoked' });
      await says('goodbye');
    },
  },
  {
    title: 'one that is revoked while it runs and carries on is a success',
    async run(bench) {
      await bench.open({ size: 2 });
      const deaf = bench.start('pool.sleep', [0.3]);
      const tidy = bench.start('pool.clean_up');
      for (const run of [deaf, tidy]) {
        // At once: the deaf one is soon over.
        await run.begun;
        expect(run.watch.abort).toBeDefined();
        run.watch.abort?.('revoked');
      }
      expect(await deaf.outcome).toEqual({ kind: 'success', value: 0.3 });
      expect(await tidy.outcome).toEqual({ kind: 'success', value: 'cleaned up after TaskRevokedError' });
    },
  },
  {
    title: 'a busy loop is terminated, by SIGTERM within a second and by SIGKILL at once',
    async run(bench) {
      await bench.open();
      const terminate = async (signal: NodeJS.Signals): Promise<number> => {
        const run = bench.start('pool.spin_for_ever');
        await run.begun;
        const startedMs = performance.now();
        run.watch.abort?.('terminated', signal);
        expect(await run.outcome).toEqual({ kind: 'revoked', reason: 'terminated', signal });
        return performance.now() - startedMs;
      };
      // SIGTERM leaves half a second.
      expect(await quickest(4_000, () => terminate('SIGTERM'))).toBeLessThan(4_000);
      expect(await quickest(500, () => terminate('SIGKILL'))).toBeLessThan(500);
      expect(await bench.run('pool.add', [1, 1])).toMatchObject({ value: 2 });
    },
  },
  {
    title: 'a run whose message was given to another worker ends, to be run there',
    async run(bench) {
      await bench.open();
      const run = bench.start('pool.wait_for_ever');
      await run.begun;
      run.watch.abort?.('fenced');
      expect(await run.outcome).toEqual({ kind: 'requeued', reason: 'fenced' });
    },
  },
  {
    title: 'a run that waits for its turn is ended without having begun',
    async run(bench) {
      const pool = await bench.open({ size: 1 });
      const first = bench.start('pool.sleep', [0.2]);
      const second = bench.start('pool.sleep', [0.2]);
      second.watch.abort?.('shutdown');
      expect(await second.outcome).toEqual({ kind: 'requeued', reason: 'shutdown' });
      expect(second.begunIn).toEqual([]);
      expect(await first.outcome).toMatchObject({ kind: 'success' });
      await pool.close('drain');
    },
  },
  {
    title: 'draining waits for what runs',
    async run(bench) {
      const pool = await bench.open();
      const run = bench.start('pool.sleep', [0.3]);
      await run.begun;
      await pool.close('drain');
      expect(await run.outcome).toEqual({ kind: 'success', value: 0.3 });
    },
  },
  {
    title: 'a cold close gives back what runs',
    async run(bench) {
      const pool = await bench.open({ size: 2 });
      const runs = [bench.start('pool.wait_for_ever'), bench.start('pool.wait_for_signal')];
      await Promise.all(runs.map(({ begun }) => begun));
      await pool.close('terminate');
      for (const { outcome } of runs) expect(await outcome).toEqual({ kind: 'requeued', reason: 'shutdown' });
    },
  },
  {
    title: 'no process is left after a close',
    async run(bench) {
      const pool = await bench.open();
      bench.start('pool.spin_for_ever');
      const pids = pool.processes;
      expect(pids.length).toBeGreaterThan(0);
      await pool.close('terminate');
      await eventually(() => pids.every((pid) => pid === process.pid || !isAlive(pid)));
    },
  },
];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
