/** M13, M14, M20, M29: workers that stop, lose children, or hold what others could run. */
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnedProcess } from '../../../support/owned-process.js';
import type { Engine, Measured, Row } from '../row.js';
import { type Stage, type StageWorkerOptions, sleep } from '../stage.js';
import { Supervisor } from './server.js';

const BOTH: readonly Engine[] = ['redis', 'sqlite'];
/** Celery's stops may hang for ever. */
const STOP_LIMIT_MS = 30_000;
const MOST_WAITING = 100;

interface Trickle {
  stop(): Promise<void>;
}

/** A short task each few milliseconds. */
function trickle(stage: Stage, everyMs: number, seconds: number): Trickle {
  const state = { busy: true };
  const done = (async () => {
    for (let index = 0; state.busy; index += 1) {
      await stage.send(`trickle-${index}`, { seconds });
      await delay(everyMs);
      // More than that would only wait longer afterwards.
      if (index % 10 === 0) await stage.until(() => !state.busy || stage.book.size - stage.book.executed() <= MOST_WAITING, 60);
    }
  })();
  return {
    stop: async () => {
      state.busy = false;
      await done;
    },
  };
}

async function terminated(stage: Stage): Promise<Measured> {
  await stage.open();
  const terms = stage.few(stage.system === 'ctq' ? 100 : 12);
  // Celery's worker is given Celery's own way back within the watch.
  const options: StageWorkerOptions = { conf: { broker_transport_options: { visibility_timeout: 10 } } };
  for (let index = 0; index < 10; index += 1) await stage.send(`later-${index}`, { countdown: 1 + index });
  const load = trickle(stage, 20, 0.05);
  let hung = 0;
  const tookMs: number[] = [];
  let current = await stage.worker(options);
  for (let term = 0; term < terms; term += 1) {
    const next = stage.worker(options);
    const executed = stage.book.executed();
    await stage.until(() => stage.book.executed() > executed, 20, 10);
    const from = performance.now();
    const ending = await current.stop('SIGTERM', STOP_LIMIT_MS).catch(() => undefined);
    if (ending === undefined) hung += 1;
    else tookMs.push(performance.now() - from);
    stage.workers.splice(stage.workers.indexOf(current), 1);
    current = await next;
  }
  await load.stop();
  await stage.drained(stage.system === 'ctq' ? 30 : 130);
  tookMs.sort((a, b) => a - b);
  const [middle, longest] = [tookMs[Math.floor(tookMs.length / 2)] ?? 0, tookMs.at(-1) ?? 0];
  return {
    ...(await stage.figures()),
    note: `${terms} stops, ${hung} hung; half of them within ${(middle / 1000).toFixed(2)} s, the longest ${(longest / 1000).toFixed(2)} s`,
    also: { 'every stop ends': hung === 0, 'within 1 s of its tasks': longest <= 1_050 },
  };
}

async function terminatedThenKilled(stage: Stage): Promise<Measured> {
  await stage.open();
  const victim = await stage.worker({
    concurrency: 1,
    ctqArgs: ['--prefetch-multiplier', '8'],
    conf: { worker_prefetch_multiplier: 8 },
  });
  await stage.send('long', { seconds: 20 });
  await stage.until(() => stage.book.begun('long') > 0, 20, 20);
  const names = await stage.sendMany('short', 6);
  await stage.until(() => (victim.output.match(/received/g) ?? []).length >= 7, 10);
  await stage.worker();
  victim.signal('SIGTERM');
  await sleep(10);
  const before = names.filter((name) => stage.book.ended(name) > 0).length;
  await victim.kill();
  const killedMs = Date.now();
  await stage.until(() => stage.book.begun('long') > 1, stage.system === 'ctq' ? 20 : stage.patienceS, 50);
  const again = stage.book.run('long')?.lastBegunMs ?? 0;
  await stage.drained(again > killedMs ? 40 : 0.1);
  return {
    ...(await stage.figures()),
    recoveryS: again > killedMs ? (again - killedMs) / 1000 : undefined,
    note: `${before} of 6 prefetched ran elsewhere before the kill`,
    also: { 'prefetched ones run before the kill': before === 6 },
  };
}

async function hoarded(stage: Stage): Promise<Measured> {
  await stage.open();
  await stage.worker({ concurrency: 1 });
  await stage.sendMany('warm', 50);
  await stage.drained(20);
  await stage.send('long', { seconds: 15 });
  await stage.until(() => stage.book.begun('long') > 0, 20, 20);
  const sentMs = Date.now();
  const names = await stage.sendMany('short', 20);
  await stage.worker({ concurrency: 1 });
  const readyMs = Date.now();
  await stage.drained(40);
  const waitedS = Math.max(...names.map((name) => (stage.book.run(name)?.firstBegunMs ?? sentMs) - readyMs)) / 1000;
  return { ...(await stage.figures()), recoveryS: Math.max(0, waitedS), note: 'back after: the longest wait beside an idle worker' };
}

async function childKilled(stage: Stage): Promise<Measured> {
  await stage.open();
  await stage.worker({ ctqArgs: ['-P', 'prefork'] });
  const names = await stage.sendMany('long', 2, { seconds: 3 });
  await stage.until(() => names.every((name) => stage.book.begun(name) > 0), 20, 20);
  for (const name of names) process.kill(stage.book.run(name)?.lastPid ?? -1, 'SIGKILL');
  const killedMs = Date.now();
  await stage.until(() => names.every((name) => stage.book.begun(name) > 1), 10, 20);
  const again = names.map((name) => stage.book.run(name)?.lastBegunMs ?? 0);
  await stage.drained(again.every((at) => at > killedMs) ? 20 : 1);
  const deadly = stage.app.sendTask('tasks.deadly', ['deadly']);
  await deadly.published;
  const state = (): Promise<string> => deadly.load().then((meta) => meta?.status ?? 'PENDING');
  await stage.until(async () => (await state()) === 'FAILURE', 15);
  const [runs, status] = [stage.book.begun('deadly'), await state()];
  return {
    ...(await stage.figures()),
    recoveryS: again.every((at) => at > killedMs) ? (Math.max(...again) - killedMs) / 1000 : undefined,
    note: `a task that always kills its child: ${runs} runs, then ${status}`,
    also: { 'four runs of the deadly one, then FAILURE': runs === 4 && status === 'FAILURE' },
  };
}

/** In the async pool it takes the whole worker with it, each time that somebody starts it again. */
async function deadlyToWorkers(stage: Stage): Promise<Measured> {
  await stage.open();
  const supervisor = new Supervisor(stage);
  await supervisor.start();
  await stage.app.sendTask('tasks.deadly', ['deadly']).published;
  await stage.sendMany('good', 40, { seconds: 0.1 });
  const letters = async (): Promise<readonly string[]> => (await stage.redis.command('LRANGE', 'ctq:dead:celery', 0, -1)) as string[];
  await stage.until(async () => (await letters()).length > 0, 150);
  await stage.drained(20);
  supervisor.stop();
  const kept = await letters();
  const reason = /"reason": ?"([^"]*)"/.exec(kept[0] ?? '')?.[1];
  const figures = await stage.figures();
  // Counted are deliveries: what was held beside it each time is put aside with it, and kept.
  const beside = Math.max(0, kept.length - 1);
  return {
    ...figures,
    lost: figures.lost - Math.min(figures.lost, beside),
    note: `${supervisor.ends} workers killed by it, then a dead letter: “${reason ?? 'none'}”; ${beside} put aside beside it`,
    also: {
      'at most 6 workers (max_deliveries 5)': supervisor.ends <= 6,
      'a dead letter with the reason': reason !== undefined,
      'nothing else put aside': beside === 0,
    },
  };
}

/** Ten places; in each a worker starts, lives for a while, and is stopped, interrupted or killed. */
async function comingAndGoing(stage: Stage): Promise<Measured> {
  await stage.open();
  const stop = performance.now() + (stage.short ? 15_000 : 120_000);
  const conf = { broker_transport_options: { visibility_timeout: 10 } };
  const counts = { started: 0, killed: 0 };
  const load = trickle(stage, 20, 0.05);
  const place = async (): Promise<void> => {
    while (performance.now() < stop) {
      const worker: OwnedProcess = await stage.worker({ conf });
      counts.started += 1;
      await sleep(1 + Math.random() * 12);
      if (Math.random() < 0.3) {
        counts.killed += 1;
        await worker.kill();
      } else await worker.stop(Math.random() < 0.5 ? 'SIGTERM' : 'SIGINT', STOP_LIMIT_MS).catch(() => {});
      stage.workers.splice(stage.workers.indexOf(worker), 1);
    }
  };
  await Promise.all(Array.from({ length: 10 }, place));
  await load.stop();
  await stage.worker({ conf });
  const quiet = performance.now();
  await stage.drained(stage.system === 'ctq' ? 30 : 130);
  const figures = await stage.figures();
  return {
    ...figures,
    recoveryS: (performance.now() - quiet) / 1000,
    note: `${counts.started} workers started, ${counts.killed} of them killed`,
    also: { 'repeated at most kills × slots': figures.repeated <= counts.killed * 2 },
  };
}

export const STOPPED: readonly Row[] = [
  {
    id: 'M13',
    fault: 'SIGTERM again and again under load, with tasks for later',
    goal: { words: '0 lost, 0 repeated, each of 100 stops ends ≤ 1 s after its tasks', lost: 0, repeated: 0 },
    scenarios: BOTH.map((engine) => ({ engine, run: terminated })),
    tests: ['faults/worker-stopped.test.ts'],
  },
  {
    id: 'M13b',
    fault: 'ten workers start and are stopped or killed at random for two minutes',
    goal: { words: '0 lost, repeated at most kills × slots', lost: 0 },
    scenarios: BOTH.map((engine) => ({ engine, run: comingAndGoing })),
  },
  {
    id: 'M14',
    fault: 'SIGTERM, and SIGKILL 10 s later, with a long task and 6 prefetched ones',
    goal: { words: 'the 6 run elsewhere before the kill, the long one ≤ 10 s after it', lost: 0, recoveryS: 10 },
    scenarios: BOTH.map((engine) => ({ engine, run: terminatedThenKilled })),
    tests: ['faults/worker-stopped.test.ts'],
  },
  {
    id: 'M20',
    fault: 'kill -9 of the children that run tasks (pool prefork)',
    goal: { words: 'again ≤ 1 s; at most 3 redeliveries, then a dead letter and FAILURE', lost: 0, recoveryS: 1 },
    scenarios: BOTH.map((engine) => ({ engine, run: childKilled })),
    tests: ['faults/pools.test.ts'],
  },
  {
    id: 'M20b',
    fault: 'a message that kills every worker that takes it (pool async)',
    goal: { words: 'among the dead letters after `max_deliveries` (5), everything else runs', lost: 0 },
    scenarios: [{ engine: 'redis', systems: ['ctq'], run: deadlyToWorkers }],
    tests: ['faults/pools.test.ts', 'unit/worker/refusals.test.ts'],
  },
  {
    id: 'M29',
    fault: 'a worker with a long task holds short ones while another is idle',
    goal: { words: 'nothing waits longer than 0.5 s', lost: 0, repeated: 0, recoveryS: 0.5 },
    scenarios: BOTH.map((engine) => ({ engine, run: hoarded })),
    tests: ['faults/worker-stopped.test.ts'],
  },
];
