/** M22 to M24: schedulers. What is counted is the messages in the queue; nobody works on them. */
import { join } from 'node:path';
import { startCtq } from '../../../support/ctq-process.js';
import { OwnedProcess } from '../../../support/owned-process.js';
import { pythonEnvironment, requirePython } from '../../../support/python-celery.js';
import { tmpFolder } from '../../../support/tmp.js';
import type { Measured, Row } from '../row.js';
import { APP_FOLDER, type Stage, sleep } from '../stage.js';

interface BeatOptions {
  readonly everyS: number;
  /** Celery keeps its state in a file; two beats must not share it. */
  readonly state: string;
}

function startBeat(stage: Stage, { everyS, state }: BeatOptions): OwnedProcess {
  const entry = { task: 'tasks.tick', schedule: everyS, args: ['slot'] };
  if (stage.system === 'ctq') {
    return startCtq(['beat', '-A', 'tasks', '-b', stage.url, '-l', 'debug'], {
      cwd: APP_FOLDER,
      env: { CTQ_TEST_SETTINGS: JSON.stringify({ beatSchedule: { entry } }) },
    });
  }
  const conf = { beat_schedule: { entry: { ...entry, schedule: everyS } } };
  return new OwnedProcess(requirePython(), ['-m', 'celery', '-A', 'tasks', 'beat', '-l', 'INFO', '-s', state, '--pidfile', ''], {
    cwd: APP_FOLDER,
    env: pythonEnvironment({ broker: stage.url, conf, env: { CTQ_TEST_BOOK: stage.book.folder } }),
  });
}

function stateFile(): string {
  return join(tmpFolder(), 'schedule');
}

async function fired(stage: Stage): Promise<number> {
  return Number(await stage.redis.command('LLEN', 'celery'));
}

async function firstFiring(stage: Stage): Promise<number> {
  await stage.until(async () => (await fired(stage)) > 0, 30, 10);
  return Date.now();
}

async function twoBeats(stage: Stage): Promise<Measured> {
  await stage.open();
  const beats = [startBeat(stage, { everyS: 1, state: stateFile() }), startBeat(stage, { everyS: 1, state: stateFile() })];
  const fromMs = await firstFiring(stage);
  await sleep(Math.max(0, fromMs + 10_500 - Date.now()) / 1000);
  const count = await fired(stage);
  // Where one of them was killed, the other takes over.
  const leader = stage.system === 'ctq' ? beats.find(({ output }) => /Sending what is due from now on/.test(output)) : undefined;
  let recoveryS: number | undefined;
  if (leader !== undefined) {
    await leader.kill();
    const killedMs = Date.now();
    const before = await fired(stage);
    await stage.until(async () => (await fired(stage)) > before, 20, 20);
    recoveryS = (Date.now() - killedMs) / 1000;
  }
  await Promise.all(beats.map((beat) => beat.kill()));
  return {
    recoveryS,
    executed: count,
    note: `${count} firings of 11 slots`,
    also: { 'one firing a slot': count >= 10 && count <= 12 },
  };
}

/** Celery with one beat that is started again, since two fire twice; ctq with two. */
async function beatsKilled(stage: Stage): Promise<Measured> {
  await stage.open();
  const states = [stateFile(), stateFile()];
  const start = (index: number): OwnedProcess => startBeat(stage, { everyS: 1, state: states[index] as string });
  const beats = stage.system === 'ctq' ? [start(0), start(1)] : [start(0)];
  const fromMs = await firstFiring(stage);
  const kills = stage.few(6);
  for (let kill = 0; kill < kills; kill += 1) {
    await sleep(stage.system === 'ctq' ? 12 : 8);
    const index =
      stage.system === 'ctq'
        ? Math.max(
            0,
            beats.findLastIndex((beat) => leadsNow(beat)),
          )
        : 0;
    await (beats[index] as OwnedProcess).kill();
    beats[index] = start(index);
  }
  await sleep(12);
  const slots = Math.floor((Date.now() - fromMs) / 1000) + 1;
  const count = await fired(stage);
  await Promise.all(beats.map((beat) => beat.kill()));
  return {
    note: `${count} firings of ${slots} slots, ${kills} kills`,
    also: { 'none double, none skipped': Math.abs(count - slots) <= 1 },
  };
}

function leadsNow({ output }: OwnedProcess): boolean {
  const words = output.match(/beat: (?:Sending what is due from now on|Standing by|Somebody else leads)/g);
  return words?.at(-1)?.includes('from now on') ?? false;
}

async function brokerAway(stage: Stage): Promise<Measured> {
  await stage.open({ appendonly: 'everysec' });
  const beat = startBeat(stage, { everyS: 5, state: stateFile() });
  await firstFiring(stage);
  await sleep(1);
  const before = await fired(stage);
  await stage.redis.stop();
  await sleep(12);
  await stage.redis.start();
  const upMs = Date.now();
  await stage.until(async () => (await fired(stage)) > before, 20, 20);
  const recoveryS = (Date.now() - upMs) / 1000;
  await sleep(0.5);
  const caughtUp = (await fired(stage)) - before;
  await beat.kill();
  return { recoveryS, executed: caughtUp, note: `12 s away, two slots of 5 s; ${caughtUp} fired at once afterwards` };
}

export const BEATS: readonly Row[] = [
  {
    id: 'M22',
    fault: 'two schedulers; then kill -9 of the one that leads',
    goal: { words: 'one firing a slot; take-over ≤ 10 s', recoveryS: 10 },
    scenarios: [{ engine: 'redis', run: twoBeats }],
    tests: ['faults/beats-killed.test.ts'],
  },
  {
    id: 'M23',
    fault: 'kill -9 of the scheduler again and again',
    goal: { words: '0 double, 0 skipped while any lives' },
    scenarios: [{ engine: 'redis', run: beatsKilled }],
    tests: ['faults/beats-killed.test.ts'],
  },
  {
    id: 'M24',
    fault: 'broker away over slots of the schedule',
    goal: { words: 'one for all that were missed (`once`), ≤ 2 s after it is back', recoveryS: 2 },
    scenarios: [{ engine: 'redis', run: brokerAway }],
    tests: ['faults/beat-outage.test.ts'],
  },
];
