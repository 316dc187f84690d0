/** Workers of each pool that are stopped under load, warm and cold: nothing lost, nothing repeated, nobody left (M13). */
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/requires.js';
import { app, childrenOf, isAlive, ledger, poolWorker, send, useEstate } from './operations/pool-workers.js';

const TASKS = 120;

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `stopping under load on ${engine}`, () => {
    useEstate(engine);

    for (const pool of ['async', 'threads', 'prefork', 'solo'] as const) {
      const load = async (): Promise<void> => {
        for (let index = 0; index < TASKS; index++) {
          const name = `task-${String(index).padStart(3, '0')}`;
          ledger.sent(name);
          app.sendTask('tasks.late', [name, 0.02 + (index % 5) * 0.02]);
        }
        await (await send('tasks.add', [1, 1])).load();
      };
      const done = (): number => TASKS - ledger.tally().lost.length;

      it(`${pool}: a warm stop, to the whole group, loses and repeats nothing`, { timeout: 60_000 }, async () => {
        await load();
        for (const signal of ['SIGTERM', 'SIGINT'] as const) {
          const before = done();
          const one = await poolWorker(pool);
          await eventually(() => done() >= before + 10, { intervalMs: 5 });
          process.kill(-one.pid, signal);
          expect(await one.waitForExit()).toEqual({ code: 0, signal: null });
        }
        expect(done()).toBeLessThan(TASKS);
        await poolWorker(pool);
        await eventually(() => expect(ledger.tally().lost).toEqual([]), { timeoutMs: 30_000 });
        expect(ledger.tally().repeated).toEqual([]);
        for (let index = 0; index < TASKS; index++) expect(ledger.begun(`task-${String(index).padStart(3, '0')}`)).toBe(1);
      });

      it(`${pool}: a cold stop gives back what runs, and leaves no process`, { timeout: 60_000 }, async () => {
        const long = ['long-0', 'long-1'].slice(0, pool === 'solo' ? 1 : 2);
        const one = await poolWorker(pool);
        for (const name of long) {
          ledger.sent(name);
          await send('tasks.late', [name, 2.5]);
        }
        await eventually(() => long.every((name) => ledger.begun(name) === 1));
        const children = childrenOf(one.pid);
        expect(children.length > 0).toBe(pool === 'prefork');
        process.kill(-one.pid, 'SIGQUIT');
        await one.waitForExit(6_000);
        expect(children.filter(isAlive)).toEqual([]);
        await poolWorker(pool);
        await eventually(() => long.every((name) => ledger.begun(name) === 2), { timeoutMs: 5_000 });
        await eventually(() => expect(ledger.tally()).toMatchObject({ lost: [], repeated: [] }), { timeoutMs: 15_000 });
      });
    }
  });
}
