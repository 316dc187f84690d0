/**
 * Tasks that go wrong in the pools which can stand it, in workers that are processes of their own: each
 * is told for what it is, the others are none the worse, and nothing is lost (M13, M20).
 */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/requires.js';
import { app, childrenOf, ended, estate, isAlive, ledger, poolWorker, send, useEstate } from './operations/pool-workers.js';

for (const pool of ['prefork', 'threads'] as const) {
  describe(`misbehaving tasks in ${pool}`, () => {
    useEstate('sqlite');

    it('a loop that never ends is ended at its limit of two seconds, the others finish, and the next one runs', async () => {
      await poolWorker(pool);
      const other = await send('tasks.late', ['other', 2.5]);
      await eventually(() => ledger.begun('other') === 1);
      const loop = await send('tasks.spin_for_ever', ['loop']);
      await eventually(() => ledger.begun('loop') === 1);
      // It would compute for ever.
      expect(await ended(loop)).toMatchObject({ status: 'FAILURE', result: { exc_type: 'TimeLimitExceeded', exc_message: [2] } });
      expect(await (await send('tasks.add', [1, 2])).get({ timeout: 20 })).toBe(3);
      expect(await ended(other)).toMatchObject({ status: 'SUCCESS', result: 'other' });
      expect(ledger.begun('loop')).toBe(1);
    });

    it('each other kind is told for what it is, and the worker is there after it', { timeout: 60_000 }, async () => {
      const started = await poolWorker(pool, { nodeArgs: ['--max-old-space-size=64'] });
      const alive = async (): Promise<void> => {
        expect(await (await send('tasks.add', [20, 22])).get({ timeout: 30 })).toBe(42);
      };
      expect(await ended(await send('tasks.throw_string'))).toMatchObject({ status: 'FAILURE', result: { exc_message: ['not an error'] } });
      await alive();
      for (const task of ['tasks.reject_later', 'tasks.leak_timer']) {
        expect(await ended(await send(task))).toMatchObject({ status: 'SUCCESS', result: 'returned' });
        await alive();
      }
      await started.waitForOutput(/Unhandled rejection left behind by task tasks\.reject_later\[/);
      const full = await ended(await send('tasks.fill_heap'));
      expect(full).toMatchObject({ status: 'FAILURE', result: { exc_type: 'WorkerLostError' } });
      const how = pool === 'threads' ? 'out of memory' : 'signal 6 (SIGABRT)';
      expect((full.result as { exc_message: unknown }).exc_message).toEqual([`Worker exited prematurely: ${how}.`]);
      await alive();
      expect(started.ending).toBeUndefined();
    });

    it('one that always ends its process gets three more, and then fails', { timeout: 60_000 }, async () => {
      await poolWorker(pool);
      const other = await send('tasks.late', ['other', 3]);
      const result = await send('tasks.exit', ['doomed', 1]);
      expect(await ended(result)).toMatchObject({
        status: 'FAILURE',
        result: { exc_type: 'WorkerLostError', exc_message: ['Worker exited prematurely: exitcode 1.'] },
      });
      expect(ledger.begun('doomed')).toBe(4);
      expect(await ended(other)).toMatchObject({ status: 'SUCCESS' });
      expect(ledger.begun('other')).toBe(1);
      expect(await (await send('tasks.add', [1, 2])).get({ timeout: 30 })).toBe(3);
    });

    it('one whose process dies once is run again at once', async () => {
      await poolWorker(pool);
      const result = await send('tasks.exit_once', ['unlucky']);
      await eventually(() => ledger.begun('unlucky') >= 1, { intervalMs: 5 });
      // Nobody could find its worker dead, for that lives.
      await eventually(() => ledger.begun('unlucky') === 2);
      expect(await ended(result)).toMatchObject({ status: 'SUCCESS', result: 1 });
    });

    it('a revoked task is ended while it computes', async () => {
      await poolWorker(pool);
      const result = await send('tasks.spin', ['endless', 60]);
      await eventually(() => ledger.begun('endless') === 1);
      await app.control.revoke(result.id, { terminate: true });
      expect(await ended(result)).toMatchObject({ status: 'REVOKED' });
      expect(await (await send('tasks.add', [1, 2])).get({ timeout: 30 })).toBe(3);
    });

    it('lines of tasks carry their process, name and id, and cannot be forged', async () => {
      const started = await poolWorker(pool);
      const text = 'one\n[2026-01-01 00:00:00,000: ERROR/MainProcess] forged\x1b[2J';
      const result = await send('tasks.noisy', [text]);
      await ended(result);
      const process = pool === 'prefork' ? 'ForkPoolWorker-\\d+' : 'MainProcess';
      const head = (level: string): string => `\\[[^\\]]+: ${level}/${process}\\] tasks\\.noisy\\[${result.id}\\]: `;
      await started.waitForOutput(new RegExp(`^${head('WARNING')}stdout one$`, 'm'));
      await started.waitForOutput(
        new RegExp(`^${head('INFO')}task logger one\\\\n\\[2026-01-01 00:00:00,000: ERROR/MainProcess\\] forged\\\\x1b\\[2J$`, 'm'),
      );
      expect(started.output).not.toMatch(/^\[2026-01-01/m);
      expect(started.output).not.toContain('\x1b[2J');
    });

    it('more slots come when tasks wait, with --autoscale', async () => {
      const started = await poolWorker(pool, { args: ['--autoscale', '3,1'] });
      expect(started.output).toContain(`.> concurrency: {min=1, max=3} (${pool})`);
      await Promise.all([0, 1, 2].map((index) => send('tasks.late', [`scaled-${index}`, 60])));
      // At once, where it saw all three at its first look.
      await started.waitForOutput(/Scaling up [12] processes\./);
      await eventually(() => [0, 1, 2].every((index) => ledger.begun(`scaled-${index}`) === 1));
    });
  });
}

describeWith(['redis'], 'a task that always ends its process, on Redis', () => {
  useEstate('redis');

  it('fails after four runs, and its message lies among the dead letters; one that did not die of it is not counted', {
    timeout: 120_000,
  }, async () => {
    const first = await poolWorker('prefork');
    // Given back by a stop, which is no death.
    const result = await send('tasks.late', ['patient', 120]);
    await eventually(() => ledger.begun('patient') === 1);
    await first.stop('SIGQUIT');
    await poolWorker('prefork');
    await eventually(() => ledger.begun('patient') === 2);
    const doomed = await send('tasks.exit', ['doomed', 1]);
    expect(await ended(doomed)).toMatchObject({ status: 'FAILURE', result: { exc_type: 'WorkerLostError' } });
    expect(ledger.begun('doomed')).toBe(4);
    // Its caller hears of it first.
    await eventually(async () => expect(await estate.deadLetters()).toBe(1));
    expect((await result.load())?.status).not.toBe('FAILURE');
    expect(ledger.begun('patient')).toBe(2);
  });
});

describeWith(['redis'], 'children that are killed under load, on Redis', () => {
  useEstate('redis');

  it('lose no task, and each kill repeats at most the one that it interrupted', { timeout: 120_000 }, async () => {
    const one = await poolWorker('prefork', { args: ['--max-tasks-per-child', '10'] });
    const kills = 12;
    for (let kill = 0; kill < kills; kill += 1) {
      // So much that something runs, however long we take to look.
      for (let index = 0; index < 12; index++) {
        ledger.sent(`task-${kill}-${index}`);
        app.sendTask('tasks.late', [`task-${kill}-${index}`, 0.02 + (index % 4) * 0.02]);
      }
      const before = ledger.tally().lost.length;
      await eventually(() => ledger.tally().lost.length <= before - 6, { intervalMs: 10 });
      const [victim] = childrenOf(one.pid).sort(() => Math.random() - 0.5);
      if (victim !== undefined && isAlive(victim)) killQuietly(victim);
    }
    await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 30_000 });
    // Killed between its last mark and its answer: at least once is what is promised.
    expect(ledger.tally().repeated.length).toBeLessThanOrEqual(kills);
    expect(await estate.deadLetters()).toBe(0);
  });
});

describe('a crash in prefork', () => {
  useEstate('sqlite');

  it('of one process is that task’s alone', { timeout: 60_000 }, async () => {
    const started = await poolWorker('prefork');
    const other = await send('tasks.late', ['other', 3]);
    const result = await send('tasks.crash', ['crashing', 'SIGSEGV']);
    expect(await ended(result)).toMatchObject({
      status: 'FAILURE',
      result: { exc_type: 'WorkerLostError', exc_message: ['Worker exited prematurely: signal 11 (SIGSEGV).'] },
    });
    expect(await ended(other)).toMatchObject({ status: 'SUCCESS' });
    expect(ledger.begun('other')).toBe(1);
    expect(started.output).toMatch(/ERROR\/MainProcess\] Process ForkPoolWorker-\d+ pid:\d+ exited with SIGSEGV/);
  });
});

describe('a parent that dies', () => {
  useEstate('sqlite');

  it('leaves no child behind, not even one that computes, and its task is run elsewhere within ten seconds', {
    timeout: 120_000,
  }, async () => {
    const first = await poolWorker('prefork');
    await send('tasks.spin', ['orphan', 90]);
    await eventually(() => ledger.begun('orphan') === 1);
    const children = childrenOf(first.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    await poolWorker('prefork');
    // The parent alone: nobody tells its children.
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => children.every((pid) => !isAlive(pid)), { timeoutMs: 15_000 });
    // Ten seconds where nobody is kept from looking; it would compute for ninety.
    await eventually(() => ledger.begun('orphan') === 2, { timeoutMs: 45_000 });
  });
});

/** It may just have left by itself. */
function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
