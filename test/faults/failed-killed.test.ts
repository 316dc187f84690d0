/** kill -9 of workers whose tasks fail, and of operators who send them again: no record lost, none doubled. */
import { afterAll, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { listFailed } from '../../src/ctq/failed-tasks.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { describeWith } from '../support/requires.js';
import { openEstate } from './operations/estate.js';

const TASKS = 300;
const KILLS = 3;
const OPERATORS = 6;

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `failed tasks under kill -9, on ${engine}`, () => {
    let worker: OwnedProcess | undefined;
    const estate = forSuite(() => openEstate(engine));
    const app = forSuite(() => new Ctq('client', { brokerUrl: estate().url, resultBackend: estate().url }));
    afterAll(() => worker?.kill());

    it('are each kept once, however often their workers are killed', { timeout: 300_000 }, async () => {
      const sent = Array.from({ length: TASKS }, (_, index) => app().sendTask('tasks.fail', [`no ${index}`]).id);
      for (let kill = 0; kill < KILLS; kill += 1) {
        worker = await startCtqWorker({ broker: estate().url });
        const enough = ((kill + 1) * TASKS) / (KILLS + 2);
        await eventually(async () => (await kept()).length >= enough, { intervalMs: 15, timeoutMs: 60_000 });
        await worker.kill();
      }
      worker = await startCtqWorker({ broker: estate().url });
      await eventually(async () => expect((await kept()).length).toBe(TASKS), { timeoutMs: 60_000 });
      expect((await kept()).map(({ taskId }) => taskId).sort()).toEqual([...sent].sort());
      for (const { source, reason } of await kept())
        expect([source, reason]).toEqual(['record', expect.stringMatching(/^ValueError: no \d+$/)]);
      await worker.stop('SIGTERM');
    });

    it('are each sent once, by several operators of whom some are killed', { timeout: 120_000 }, async () => {
      const operators = Array.from({ length: OPERATORS }, () => startCtq(['retry', '--failed', '-f', '-b', estate().url]));
      await eventually(
        async () =>
          (await app()
            .broker()
            .then((broker) => broker.depth('celery'))) > 20,
        {
          intervalMs: 1,
          timeoutMs: 45_000,
        },
      );
      for (const operator of operators.slice(0, OPERATORS / 2)) await operator.kill();
      await Promise.all(operators.slice(OPERATORS / 2).map((operator) => operator.waitForExit(60_000)));
      expect((await runCtq(['retry', '--failed', '-f', '-b', estate().url])).code).toBe(0);
      expect(await kept()).toEqual([]);
      expect(await (await app().broker()).depth('celery')).toBe(TASKS);
    });

    const kept = async () => listFailed(await app().estates(), {});
  });
}
