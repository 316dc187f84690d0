/** kill -9 in the middle of late-acknowledged tasks, eight times under load: none may be lost (M1, M2, M5). */
import { afterAll, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { openEstate } from './operations/estate.js';
import { Ledger } from './operations/ledger.js';

const KILLS = 8;
const CONCURRENCY = 4;

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `a worker killed with SIGKILL, on ${engine}`, () => {
    const marks = tmpFolder();
    const ledger = new Ledger(marks);
    const running: OwnedProcess[] = [];
    const estate = forSuite(() => openEstate(engine));
    const app = forSuite(() => new Ctq('client', { brokerUrl: estate().url, resultBackend: estate().url }));
    afterAll(() => Promise.all(running.map((worker) => worker.kill())));

    it(`loses none of its tasks in ${KILLS} kills under load, and each is back within ten seconds`, { timeout: 300_000 }, async () => {
      const { url } = estate();
      const start = async (): Promise<OwnedProcess> => {
        const worker = await startCtqWorker({ broker: url, concurrency: CONCURRENCY, env: { CTQ_TEST_MARKS: marks } });
        running.push(worker);
        return worker;
      };
      const send = async (count: number, round: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          ledger.sent(`task-${round}-${i}`);
          await app().sendTask('tasks.late', [`task-${round}-${i}`, 0.02 + Math.random() * 0.1]).published;
        }
      };

      await start();
      let victim = await start();
      for (let kill = 0; kill < KILLS; kill++) {
        await send(20, kill);
        // It is in the middle of something: the tasks of this round have begun. Some may have been taken by one that is dead.
        await eventually(() => [0, 5, 10, 15].some((i) => ledger.begun(`task-${kill}-${i}`) > 0), { timeoutMs: 45_000, intervalMs: 5 });
        await victim.kill();
        victim = await start();
      }
      await send(5, KILLS);
      const tally = await eventually(
        () => {
          const now = ledger.tally();
          expect(now.lost).toEqual([]);
          return now;
        },
        // Ten seconds where nobody is kept from looking; whoever was begins to count anew.
        { timeoutMs: 60_000, intervalMs: 100 },
      );
      // At least once: a kill may repeat what was running then, and nothing else.
      expect(tally.repeated.length).toBeLessThanOrEqual(KILLS * CONCURRENCY);
      expect(tally.sent).toBe(KILLS * 20 + 5);
    });

    it('leaves its task to a worker that starts later, within ten seconds of its readiness', { timeout: 120_000 }, async () => {
      for (const worker of running.splice(0)) await worker.kill();
      const { url } = estate();
      const first = await startCtqWorker({ broker: url, env: { CTQ_TEST_MARKS: marks } });
      await app().sendTask('tasks.late', ['orphan', 60]).published;
      await eventually(() => ledger.begun('orphan') > 0);
      await first.kill();
      running.push(await startCtqWorker({ broker: url, env: { CTQ_TEST_MARKS: marks } }));
      await eventually(() => ledger.begun('orphan') === 2, { timeoutMs: 45_000 });
    });
  });
}
