/** M21: chords whose workers are killed. */
import { chord } from '../../../../src/index.js';
import type { Engine, Measured, Row } from '../row.js';
import { type Stage, sleep } from '../stage.js';

const PARTS = 3;

async function chordsUnderKills(stage: Stage): Promise<Measured> {
  await stage.open();
  const [chords, kills] = stage.system === 'ctq' ? [stage.few(500), stage.few(30)] : [stage.few(150), stage.few(20)];
  const options = { concurrency: 4, conf: { broker_transport_options: { visibility_timeout: 10 } } };
  await stage.worker(options);
  let victim = await stage.worker(options);
  for (let index = 0; index < chords; index += 1) {
    const name = `body-${index}`;
    stage.book.sent(name);
    const parts = Array.from({ length: PARTS }, (_, value) => stage.app.signature('tasks.part', [value, Math.random() * 0.05]));
    await chord(parts, stage.app.signature('tasks.body', [name, PARTS])).delay().published;
    if (index % Math.max(1, Math.floor(chords / kills)) === 0 && index > 0) {
      await sleep(0.05 + Math.random() * 0.1);
      await victim.kill();
      stage.workers.splice(stage.workers.indexOf(victim), 1);
      victim = await stage.worker(options);
    }
  }
  const killedMs = Date.now();
  await stage.drained(stage.system === 'ctq' ? 40 : 150);
  const recoveryS = (Date.now() - killedMs) / 1000;
  await sleep(1);
  const { wrong } = stage.book.tally();
  const left =
    stage.engine === 'redis'
      ? ((await stage.redis.command('KEYS', 'celery-taskset-meta-*.[jt]')) as string[]).length +
        ((await stage.redis.command('KEYS', 'ctq:chord*')) as string[]).length
      : 0;
  const figures = await stage.figures();
  return {
    ...figures,
    lost: figures.lost + figures.waiting,
    waiting: 0,
    recoveryS,
    note: `bodies of ${chords} chords, ${kills} kills; ${wrong} with wrong results, ${left} counters left`,
    also: { 'right results': wrong === 0, 'no counter left': left === 0 },
  };
}

export const CANVAS: readonly Row[] = [
  {
    id: 'M21',
    fault: 'kill -9 of workers while they run the headers of chords',
    goal: { words: 'each of 500 bodies runs, with the right results, again only when it was killed; no counter left', lost: 0 },
    scenarios: (['redis', 'sqlite'] as readonly Engine[]).map((engine) => ({ engine, run: chordsUnderKills })),
    tests: ['faults/chord-killed.test.ts'],
  },
];
