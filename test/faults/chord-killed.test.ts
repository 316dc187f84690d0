/** kill -9 of workers while they run the headers of chords: every body is called once, with everything (M21). */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AsyncResult, chord, Ctq } from '../../src/index.js';
import { launchCtqWorker, startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { openEstate } from './operations/estate.js';

for (const engine of ['redis', 'sqlite'] as const) {
  describeWith(engine === 'redis' ? ['redis'] : [], `chords whose workers are killed, on ${engine}`, () => {
    const estate = forSuite(() => openEstate(engine));
    const app = forSuite(() => new Ctq('client', { brokerUrl: estate().url, resultBackend: estate().url }));
    let marks = '';
    const running: OwnedProcess[] = [];

    beforeEach(() => {
      marks = tmpFolder();
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((worker) => worker.kill()));
    });
    async function start(env: Readonly<Record<string, string>> = {}, concurrency = 8): Promise<OwnedProcess> {
      const worker = await startCtqWorker({ broker: estate().url, concurrency, env: { CTQ_TEST_MARKS: marks, ...env } });
      running.push(worker);
      return worker;
    }

    /**
     * The bodies that were called, as `name.parts.sum`; twice, were one sent twice. A body whose worker died
     * before it could mark anything is known by its second delivery alone.
     */
    function bodies(): string[] {
      const seen = readdirSync(marks).map((file) => file.split('.').slice(0, -1));
      const nameOf = ([name, , ...rest]: readonly string[]): string => [name, ...rest].join('.');
      const called = seen.filter(([, how]) => how === 'called').map(nameOf);
      const again = seen.filter(([, how]) => how === 'again').map(nameOf);
      return [...called, ...new Set(again.filter((name) => !called.includes(name)))].sort();
    }

    /** Nothing waits, runs or is counted any more. */
    async function nothingLeft(): Promise<void> {
      const { redis } = estate();
      if (redis === undefined) return;
      const keys = (await redis.command('KEYS', 'celery-taskset-meta-*')) as string[];
      expect(keys).toEqual([]);
    }

    it('calls the body of ten thousand parts once', { timeout: 120_000 }, async () => {
      await Promise.all([start(), start()]);
      const header = Array.from({ length: 10_000 }, (_, index) => app().signature('tasks.add', [index, 1]));
      const sent = chord(header, app().signature('tasks.body_of', ['all'])).delay();
      const sum = (10_000 * 9_999) / 2 + 10_000;
      expect(await sent.get({ timeout: 100 })).toBe(sum);
      expect(bodies()).toEqual([`all.10000.${sum}`]);
      await eventually(nothingLeft);
    });

    it('calls it once though one of two workers is killed on the way', { timeout: 120_000 }, async () => {
      const [victim] = await Promise.all([start(), start()]);
      const parts = 2_000;
      const header = Array.from({ length: parts }, (_, index) => app().signature('tasks.add', [index, 1]));
      const sent = await chord(header, app().signature('tasks.body_of', ['all'])).delay();
      await eventually(async () => {
        const { results } = sent.parent as { readonly results: readonly { ready(): Promise<boolean> }[] };
        expect(await results[parts / 5]?.ready()).toBe(true);
      }, { timeoutMs: 60_000, intervalMs: 5 }); // biome-ignore format: one thought
      await victim?.kill();
      const sum = (parts * (parts - 1)) / 2 + parts;
      expect(await sent.get({ timeout: 100 })).toBe(sum);
      expect(bodies()).toEqual([`all.${parts}.${sum}`]);
      await eventually(nothingLeft);
    });

    it('calls every body once when workers are killed again and again', { timeout: 240_000 }, async () => {
      const CHORDS = 24;
      const KILLS = 3;
      await start();
      let victim = await start();
      const expected: string[] = [];
      const sent: AsyncResult[] = [];
      for (let index = 0; index < CHORDS; index++) {
        const header = Array.from({ length: 5 }, (_, part) => app().signature('tasks.slowly', [index + part, 0.01 + Math.random() * 0.05]));
        sent.push(await chord(header, app().signature('tasks.body_of', [`c${index}`])).delay());
        expected.push(`c${index}.5.${5 * index + 10}`);
        if (index % (CHORDS / KILLS) !== CHORDS / KILLS - 1) continue;
        await eventually(async () => expect(await sent[index - 1]?.ready()).toBe(true), { timeoutMs: 30_000, intervalMs: 5 }).catch(
          () => {},
        );
        await victim.kill();
        victim = await start();
      }
      await Promise.all(sent.map((one) => one.get({ timeout: 60 })));
      expect(bodies()).toEqual(expected.sort());
      await eventually(nothingLeft);
    });

    const [points, passes] =
      engine === 'redis'
        ? [
            ['redis.finish.sent', 'redis.finish.answered'],
            [3, 4],
          ]
        : [
            ['sqlite.transaction.written', 'sqlite.transaction.committed'],
            [3, 4, 5],
          ];
    it(`calls the body once when the worker dies at ${points.join(' or at ')}`, { timeout: 180_000 }, async () => {
      const deaths = new Map<string, unknown[]>(points.map((point) => [point, []]));
      const diesAt = async (point: string, pass: number): Promise<void> => {
        // One slot: the parts end one by one. On Redis the third report completes the chord, and the next call sends the body.
        const queue = `${point}-${pass}`;
        const env = { CTQ_TEST_MARKS: marks };
        const options = { broker: estate().url, queues: [queue], concurrency: 1, env };
        const victim = launchCtqWorker({ ...options, env: { ...env, CTQ_FAULT: `${point}:${pass}` } });
        running.push(victim);
        const header = [1, 2, 3].map((value) => app().signature('tasks.add', [value, pass], { queue }));
        const sent = await chord(header, app().signature('tasks.body_of', [`${point.replaceAll('.', '-')}-${pass}`], { queue })).delay();
        const died = victim.waitForExit(45_000).then(
          () => 'died',
          () => 'lived',
        );
        deaths.get(point)?.push(await Promise.race([died, sent.get({ timeout: 45 }).catch(() => 'no result')]));
        running.push(await startCtqWorker(options));
        expect(await sent.get({ timeout: 60 })).toBe(6 + 3 * pass);
      };
      await Promise.all(points.flatMap((point) => passes.map((pass) => diesAt(point, pass))));
      for (const [point, ends] of deaths) expect(ends, point).toContain('died');
      const called = (point: string, pass: number): string => `${point.replaceAll('.', '-')}-${pass}.3.${6 + 3 * pass}`;
      expect(bodies()).toEqual(points.flatMap((point) => passes.map((pass) => called(point, pass))).sort());
      await eventually(nothingLeft);
    });
  });
}
