/** Workers of each pool that are stopped under load, warm and cold: nothing lost, nothing repeated, nobody left (M13). */
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/requires.js';
import { app, childrenOf, isAlive, ledger, poolWorker, send, useEstate } from './operations/pool-workers.js';

for (const engine of ['redis', 'sqlite'] as const) {
  // Both stop alike, wherever the messages lie.
  const signal = engine === 'redis' ? 'SIGTERM' : 'SIGINT';
  describeWith(engine === 'redis' ? ['redis'] : [], `stopping under load on ${engine}`, () => {
    useEstate(engine);

    for (const pool of ['async', 'threads', 'prefork', 'solo'] as const) {
      // Some five seconds of work for one worker, so that there is something left when it is stopped.
      const TASKS = pool === 'solo' ? 90 : 180;
      const load = async (): Promise<void> => {
        for (let index = 0; index < TASKS; index++) {
          const name = `task-${String(index).padStart(3, '0')}`;
          ledger.sent(name);
          app.sendTask('tasks.late', [name, 0.02 + (index % 5) * 0.02]);
        }
        await (await send('tasks.add', [1, 1])).load();
      };
      const done = (): number => TASKS - ledger.tally().lost.length;

      it(`${pool}: a warm stop by ${signal}, to the whole group, loses and repeats nothing`, { timeout: 90_000 }, async () => {
        await load();
        const one = await poolWorker(pool);
        await eventually(() => done() >= 10, { intervalMs: 5 });
        process.kill(-one.pid, signal);
        expect(await one.waitForExit()).toEqual({ code: 0, signal: null });
        expect(done()).toBeLessThan(TASKS);
        await poolWorker(pool, pool === 'async' || pool === 'threads' ? { concurrency: 8 } : {});
        await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 40_000, intervalMs: 50 });
        expect(ledger.tally().repeated).toEqual([]);
        for (let index = 0; index < TASKS; index++) expect(ledger.begun(`task-${String(index).padStart(3, '0')}`)).toBe(1);
      });

      it(`${pool}: a cold stop gives back what runs, and leaves no process`, { timeout: 90_000 }, async () => {
        const long = ['long-0', 'long-1'].slice(0, pool === 'solo' ? 1 : 2);
        const one = await poolWorker(pool);
        for (const name of long) {
          ledger.sent(name);
          await send('tasks.late', [name, 60]);
        }
        await eventually(() => long.every((name) => ledger.begun(name) === 1));
        const children = childrenOf(one.pid);
        expect(children.length > 0).toBe(pool === 'prefork');
        process.kill(-one.pid, 'SIGQUIT');
        // They take a minute; nobody waits for that.
        await one.waitForExit();
        await eventually(() => expect(children.filter(isAlive)).toEqual([]));
        // Ready for the next one: given back by itself, and not by those who find it dead.
        expect(await (await app.broker()).depth('celery')).toBe(long.length);
        expect(long.map((name) => ledger.ended(name))).toEqual(long.map(() => 0));
      });
    }
  });
}
