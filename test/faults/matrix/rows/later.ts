/** M16 to M19, M31: time: tasks for later, tasks that take long, clocks that jump, workers that stand still. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Measured, NotHere, type Row } from '../row.js';
import { rssMb } from '../soak.js';
import { type Stage, sleep } from '../stage.js';
import { probe } from './server.js';

/** Celery looks for old deliveries each hundred seconds: beyond that and this timeout it gives them out again. */
const VISIBILITY_S = 5;
const CONF = { broker_transport_options: { visibility_timeout: VISIBILITY_S } };
const SETTINGS = { CTQ_TEST_SETTINGS: JSON.stringify({ brokerTransportOptions: { visibility_timeout: VISIBILITY_S } }) };
const BEYOND_S = 115;

async function etaBeyondTimeout(stage: Stage): Promise<Measured> {
  await stage.open();
  const options = { conf: CONF, env: SETTINGS };
  await stage.worker(options);
  await stage.worker(options);
  const dueMs = Date.now() + BEYOND_S * 1000;
  const names = await stage.sendMany('later', 10, { countdown: BEYOND_S, seconds: 0.05 });
  await stage.drained(BEYOND_S + 20);
  await sleep(10);
  const lateS = Math.max(...names.map((name) => (stage.book.run(name)?.firstBegunMs ?? 0) - dueMs)) / 1000;
  return { ...(await stage.figures()), recoveryS: Math.max(0, lateS), note: 'back after: the latest after its time' };
}

async function longerThanTimeout(stage: Stage): Promise<Measured> {
  await stage.open();
  const options = { conf: CONF, env: SETTINGS };
  await stage.worker(options);
  const names = await stage.sendMany('long', 2, { seconds: BEYOND_S });
  await stage.until(() => names.every((name) => stage.book.begun(name) > 0), 20);
  // A Python worker beside it, in both cases: it would give out again what looks old to it.
  await stage.worker({ ...options, system: 'celery' });
  await stage.until(() => names.every((name) => stage.book.ended(name) > 0), BEYOND_S + 30);
  const { begunTwice } = stage.book.tally();
  if (begunTwice.length > 0) await stage.until(() => stage.book.tally().repeated.length === begunTwice.length, BEYOND_S + 10);
  return { ...(await stage.figures()), note: `${begunTwice.length} of 2 begun twice`, also: { 'begun once': begunTwice.length === 0 } };
}

function faketimeLibrary(): string | undefined {
  const folders = ['/usr/lib/x86_64-linux-gnu/faketime', '/usr/lib/aarch64-linux-gnu/faketime'].filter(existsSync);
  const found = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  return found.find((path) => path.endsWith('libfaketime.so.1'));
}

async function skewed(stage: Stage): Promise<Measured> {
  const library = faketimeLibrary();
  if (library === undefined) throw new NotHere('libfaketime is not installed: apt-get install faketime');
  await stage.open();
  const clock = (offset: string) => ({ LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' });
  const names: string[] = [];
  for (const offset of ['+2h', '-2h']) {
    const right = await stage.worker({ concurrency: 6 });
    names.push(...(await stage.sendMany(`task${offset}`, 6, { seconds: 12 })));
    await stage.until(() => names.every((name) => stage.book.begun(name) > 0), 20);
    const wrong = await stage.worker({ concurrency: 6, env: clock(offset) });
    await stage.drained(40);
    await sleep(2);
    await Promise.all([right.kill(), wrong.kill()]);
  }
  const { begunTwice } = stage.book.tally();
  return {
    ...(await stage.figures()),
    note: `${begunTwice.length} of 12 begun twice`,
    also: { 'begun once': begunTwice.length === 0 },
  };
}

async function manyLater(stage: Stage): Promise<Measured> {
  await stage.open();
  const worker = await stage.worker();
  await stage.sendMany('warm', 200);
  await stage.drained(20);
  const idle = treeRss(worker.pid);
  const count = stage.few(100_000);
  for (let start = 0; start < count; start += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, count - start) }, (_, index) => `eta-${start + index}`);
    await Promise.all(batch.map((name) => stage.app.sendTask('tasks.work', [name, 0], { countdown: 3_600 }).published));
  }
  const queued = async (): Promise<number> => Number(await stage.redis.command('LLEN', 'celery'));
  const recoveryS = await probe(stage, 'immediate');
  await stage.until(async () => (await queued()) === 0, 120);
  const grown = treeRss(worker.pid) - idle;
  const from = performance.now();
  const ending = await worker.stop('SIGTERM', 60_000).catch(() => undefined);
  const stopS = (performance.now() - from) / 1000;
  return {
    recoveryS,
    executed: 0,
    note: `${count} tasks for later: ${grown} MB more than idle, an immediate one begins after ${recoveryS?.toFixed(2) ?? '?'} s, SIGTERM takes ${ending === undefined ? '> 60' : stopS.toFixed(1)} s`,
    also: { 'at most 50 MB over idle': grown <= 50, 'SIGTERM within 2 s': ending !== undefined && stopS <= 2 },
  };
}

function treeRss(pid: number): number {
  return rssMb(pid);
}

async function standingStill(stage: Stage): Promise<Measured> {
  await stage.open();
  const options = { concurrency: 8, conf: CONF, env: SETTINGS };
  const frozen = await stage.worker(options);
  const names = await stage.sendMany('m', 8, { seconds: 4 });
  await stage.until(() => names.every((name) => stage.book.begun(name) > 0), 20);
  await stage.worker(options);
  const from = Date.now();
  process.kill(-frozen.pid, 'SIGSTOP');
  await sleep(stage.system === 'ctq' ? 30 : BEYOND_S);
  process.kill(-frozen.pid, 'SIGCONT');
  await stage.drained(30);
  await sleep(6);
  const again = names.map((name) => stage.book.run(name)).filter((run) => (run?.begun ?? 0) > 1);
  const stored = (frozen.output.match(/succeeded/g) ?? []).length;
  return {
    ...(await stage.figures()),
    recoveryS: again.length === 0 ? undefined : (Math.max(...again.map((run) => run?.lastBegunMs ?? 0)) - from) / 1000,
    note: `${again.length} of 8 begun twice; the one that stood still stored ${stored} results`,
    also: { 'what the one that stood still has to say counts for nothing': stored === 0 },
  };
}

export const LATER: readonly Row[] = [
  {
    id: 'M16',
    fault: 'tasks due 115 s from now, visibility timeout 5 s, two workers',
    goal: { words: '0 repeated, at most 1 s late', lost: 0, repeated: 0, recoveryS: 1 },
    scenarios: [{ engine: 'redis', run: etaBeyondTimeout }],
    tests: ['faults/redis-killed.test.ts'],
  },
  {
    id: 'M17',
    fault: 'tasks of 115 s, visibility timeout 5 s, a Python worker beside',
    goal: { words: 'begun once, 0 repeated', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', run: longerThanTimeout }],
  },
  {
    id: 'M18',
    fault: 'the clock of the second worker is two hours fast, then two hours slow',
    goal: { words: 'begun once, 0 repeated', lost: 0, repeated: 0 },
    scenarios: [{ engine: 'redis', run: skewed }],
  },
  {
    id: 'M19',
    fault: '100,000 tasks for later',
    goal: { words: '≤ 50 MB over idle, immediate task ≤ 1 s, SIGTERM ≤ 2 s', recoveryS: 1 },
    scenarios: [{ engine: 'redis', run: manyLater }],
    tests: ['faults/eta-memory.test.ts'],
  },
  {
    id: 'M31',
    fault: 'a worker with 8 running tasks is frozen for 30 s (Celery: 115 s, visibility timeout 5 s)',
    goal: { words: '0 lost; what it says afterwards counts for nothing', lost: 0 },
    scenarios: [{ engine: 'redis', run: standingStill }],
    tests: ['faults/worker-stopped.test.ts', 'faults/redis-killed.test.ts'],
  },
];
