/** M1 to M5: kill -9 of workers. */
import type { OwnedProcess } from '../../../support/owned-process.js';
import type { Engine, Measured, Row } from '../row.js';
import { type Stage, type StageWorkerOptions, sleep } from '../stage.js';

const BOTH: readonly Engine[] = ['redis', 'sqlite'];

interface Victims {
  readonly victim: OwnedProcess;
  readonly running: readonly string[];
}

/** A worker with two tasks running, and six that wait, wherever its system keeps them. */
async function busyWorker(stage: Stage, task: string, options: StageWorkerOptions = {}): Promise<Victims> {
  const victim = await stage.worker(options);
  const running = await stage.sendMany('long', 2, { task, seconds: 15 });
  await stage.until(() => running.every((name) => stage.book.begun(name) > 0), 20, 20);
  await stage.sendMany('short', 6, { task });
  await sleep(0.5);
  return { victim, running };
}

/** Seconds from a moment until the last of them began once more. */
async function beganAgain(stage: Stage, names: readonly string[], fromMs: number, limitS: number): Promise<number | undefined> {
  await stage.until(() => names.every((name) => stage.book.begun(name) > 1), limitS, 50);
  const runs = names.map((name) => stage.book.run(name)?.lastBegunMs ?? 0);
  return runs.every((at) => at >= fromMs) ? (Math.max(...runs) - fromMs) / 1000 : undefined;
}

async function killedMidTask(stage: Stage, rescuer: 'idle' | 'starts'): Promise<Measured> {
  await stage.open();
  const { victim, running } = await busyWorker(stage, 'work');
  if (rescuer === 'idle') await stage.worker();
  const killedMs = Date.now();
  await victim.kill();
  if (rescuer === 'starts') await stage.worker();
  const fromMs = rescuer === 'starts' ? Date.now() : killedMs;
  const watchS = stage.system === 'ctq' ? 30 : stage.patienceS;
  const recoveryS = await beganAgain(stage, running, fromMs, watchS);
  await stage.drained(recoveryS === undefined ? 0.1 : 30);
  return { ...(await stage.figures()), recoveryS, note: recoveryS === undefined ? `watched for ${watchS} s` : '' };
}

/** Only a Python worker is left, which knows age alone: its visibility timeout and the hundred seconds between its looks. */
async function onlyPythonLeft(stage: Stage): Promise<Measured> {
  await stage.open();
  const conf = { broker_transport_options: { visibility_timeout: 10 } };
  const { victim, running } = await busyWorker(stage, 'work', { conf });
  await victim.kill();
  await stage.worker({ system: 'celery', conf });
  const recoveryS = await beganAgain(stage, running, Date.now(), 130);
  await stage.drained(30);
  return { ...(await stage.figures()), recoveryS };
}

async function earlyAcknowledged(stage: Stage): Promise<Measured> {
  await stage.open();
  const { victim } = await busyWorker(stage, 'early');
  await stage.worker();
  await victim.kill();
  const names = Array.from({ length: 6 }, (_, index) => `short-${index}`);
  await stage.until(
    () => names.every((name) => stage.book.ended(name) > 0),
    stage.system === 'ctq' ? Math.max(30, stage.patienceS) : stage.patienceS,
  );
  // Their ends are written before their acknowledgements.
  await sleep(1);
  const figures = await stage.figures();
  return {
    ...figures,
    note: `${names.filter((name) => stage.book.ended(name) > 0).length} of the 6 that had not begun ran`,
    also: { 'what had not begun runs': names.every((name) => stage.book.ended(name) > 0) },
  };
}

/** Around every round trip of taking, renewing and settling; `:n` the n-th time. */
const POINTS: Readonly<Record<'redis' | 'sqlite', readonly string[]>> = {
  redis: [
    ...['redis.take.sent', 'redis.take.answered', 'redis.take.delivered', 'redis.settle.sent', 'redis.settle.answered'],
    ...['redis.renew.sent', 'redis.renew.answered'],
  ],
  sqlite: ['sqlite.transaction.begun', 'sqlite.transaction.written', 'sqlite.transaction.committed'],
};
const LANES = 3;
const TASKS_A_KILL = 20;

/** ctq dies at named steps, Celery at moments drawn at random within the work. */
async function killedInThePop(stage: Stage, kills: number): Promise<Measured> {
  await stage.open();
  const count = stage.few(kills);
  let killed = 0;
  let begun = 0;
  if (stage.system === 'ctq') {
    await stage.worker({ concurrency: 1 });
    const points = POINTS[stage.engine as 'redis' | 'sqlite'];
    const lane = async (): Promise<void> => {
      while (begun < count) {
        const number = begun++;
        const fault = `${points[number % points.length]}:${1 + (Math.floor(number / points.length) % 5)}`;
        const victim = await stage.worker({ launch: 'at once', env: { CTQ_FAULT: fault } });
        await stage.sendMany(`k${number}`, TASKS_A_KILL, { seconds: 0.01 });
        // Not every step comes by in time: then it is killed wherever it is.
        await stage.until(() => victim.ending !== undefined, 8, 20);
        await victim.kill();
        stage.workers.splice(stage.workers.indexOf(victim), 1);
        killed += 1;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    await stage.drained(60);
  } else {
    const conf = { broker_transport_options: { visibility_timeout: 10 } };
    for (; killed < count; killed += 1) {
      const victim = await stage.worker({ conf });
      await stage.sendMany(`k${killed}`, 300);
      const first = `k${killed}-0`;
      await stage.until(() => stage.book.begun(first) > 0, 20, 5);
      await sleep(0.02 + Math.random() * 0.15);
      await victim.kill();
      stage.workers.splice(stage.workers.indexOf(victim), 1);
    }
    await stage.worker({ conf });
    await stage.drained(130);
  }
  const figures = await stage.figures();
  return { ...figures, note: `${killed} kills`, also: { 'repeated at most one for each kill and slot': figures.repeated <= killed * 2 } };
}

export const KILLED: readonly Row[] = [
  {
    id: 'M1',
    fault: 'kill -9 of a worker in the middle of its tasks, another one is idle',
    goal: { words: '0 lost, elsewhere within 10 s (RabbitMQ 1 s)', lost: 0, recoveryS: 10 },
    scenarios: [...BOTH, 'rabbitmq' as const].map((engine) => ({ engine, run: (stage) => killedMidTask(stage, 'idle') })),
    tests: ['faults/worker-killed.test.ts', 'faults/redis-killed.test.ts', 'faults/sqlite-killed.test.ts'],
  },
  {
    id: 'M2',
    fault: 'the same, the other one starts afterwards',
    goal: { words: '0 lost, within 10 s of its readiness', lost: 0, recoveryS: 10 },
    scenarios: BOTH.map((engine) => ({ engine, run: (stage) => killedMidTask(stage, 'starts') })),
    tests: ['faults/worker-killed.test.ts'],
  },
  {
    id: 'M3',
    fault: 'the same, only a Python worker is left (visibility timeout 10 s)',
    goal: { words: '0 lost, within its visibility timeout + 100 s', lost: 0, recoveryS: 112 },
    scenarios: [{ engine: 'redis', run: onlyPythonLeft }],
  },
  {
    id: 'M4',
    fault: 'kill -9 with early acknowledgement, 2 running and 6 not begun',
    goal: { words: 'lost at most the 2 running; the others run', lost: 2 },
    scenarios: BOTH.map((engine) => ({ engine, run: earlyAcknowledged })),
  },
  {
    id: 'M5',
    fault: 'kill -9 at every step of take, run, store and acknowledge',
    goal: { words: '0 lost in 500 kills (SQLite 150), repeated at most one a kill and slot', lost: 0 },
    scenarios: [
      { engine: 'redis', run: (stage) => killedInThePop(stage, stage.system === 'ctq' ? 500 : 25) },
      { engine: 'sqlite', run: (stage) => killedInThePop(stage, 150) },
    ],
    tests: ['faults/redis-killed.test.ts', 'faults/sqlite-killed.test.ts', 'faults/redis-scripts.test.ts'],
  },
];
