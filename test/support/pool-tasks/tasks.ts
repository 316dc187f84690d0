/** What the conformance suite of the pools runs: tasks that behave, and tasks that do not. */
import { Console } from 'node:console';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { Ctq, Ignore, Reject, SoftTimeLimitExceeded, Task, type TaskContext } from 'ctq';

export const app = new Ctq('pool');

class ValueError extends Error {
  override name = 'ValueError';
}

// ── Values ────────────────────────────────────────────────────────────────────────────────────────

export const add = app.task('pool.add', (x: number, y: number) => x + y);
export const echo = app.task('pool.echo', async (value: unknown) => value);
export const named = app.task('pool.named', (a: number, b = 2) => ({ a, b }));
export const typeOf = app.task('pool.type_of', (value: unknown) => Object.prototype.toString.call(value));
export const request = app.task({ name: 'pool.request', bind: true }, ({ request }) => ({
  id: request.id,
  task: request.task,
  args: request.args,
  rootId: request.rootId,
  parentId: request.parentId,
  retries: request.retries,
  hostname: request.hostname,
  headers: request.headers,
  deliveryInfo: request.deliveryInfo,
  timelimit: request.timelimit,
}));
export const pid = app.task('pool.pid', () => process.pid);
export const unwritable = app.task('pool.unwritable', () => Symbol('no JSON'));
export const unwritableIgnored = app.task({ name: 'pool.unwritable_ignored', ignoreResult: true }, () => new Map([[{}, 1]]));
export const sleep = app.task('pool.sleep', async (seconds: number) => {
  await sleepMs(seconds * 1000);
  return seconds;
});

// ── Ways to end ───────────────────────────────────────────────────────────────────────────────────

export const fail = app.task('pool.fail', (message: string) => {
  throw new ValueError(message);
});
export const failExpected = app.task({ name: 'pool.fail_expected', throws: ['ValueError'] }, () => {
  throw new ValueError('part of the contract');
});
export const failLater = app.task('pool.fail_later', async (message: string) => {
  await sleepMs(1);
  throw new ValueError(message);
});
export const retry = app.task({ name: 'pool.retry', bind: true, maxRetries: 2 }, (task, value: number) => {
  throw task.retry({ countdown: 3, args: [value + 1], exc: new ValueError('again'), options: { priority: 4 } });
});
export const ignore = app.task('pool.ignore', () => {
  throw new Ignore('not today');
});
export const reject = app.task('pool.reject', (requeue: 'requeue' | 'drop') => {
  throw new Reject('not mine', { requeue: requeue === 'requeue' });
});
export const throwString = app.task('pool.throw_string', () => {
  throw 'no error'; // What a careless task does is the point.
});

// ── What a run may do ─────────────────────────────────────────────────────────────────────────────

export const progress = app.task({ name: 'pool.progress', bind: true }, async (task) => {
  await task.updateState('PROGRESS', { done: 1n });
  void task.updateState('PROGRESS', { done: 2n ** 70n });
  return 'done';
});
export const talk = app.task({ name: 'pool.talk', bind: true }, (task, text: string) => {
  task.logger.info('logged %s and %d', text, 7);
  // The test runner has put its own console in the place of Node's.
  const { log, error } = new Console(process.stdout, process.stderr);
  log(text);
  error('to stderr');
});
export const spawn = app.task('pool.spawn', async () => (await add.delay(1, 2)).id);
export const spawnAndForget = app.task('pool.spawn_and_forget', () => add.delay(1, 2).id);

const told: string[] = [];

/** Handlers, and a field that lives as long as the process. */
class Noting extends Task {
  private runs = 0;
  override beforeStart(): void {
    told.push(`beforeStart ${++this.runs}`);
  }
  override onSuccess(value: unknown): void {
    told.push(`onSuccess ${String(value)}`);
  }
  override onFailure(error: unknown): void {
    told.push(`onFailure ${(error as Error).message}`);
  }
  override onRetry(error: unknown): void {
    told.push(`onRetry ${(error as Error | undefined)?.message}`);
  }
  override afterReturn(state: string): void {
    told.push(`afterReturn ${state}`);
  }
  override async call(run: () => unknown, context: TaskContext): Promise<unknown> {
    told.push(`open for ${context.request.id}`);
    try {
      return await run();
    } finally {
      told.push('close');
    }
  }
}

export const handled = app.task({ name: 'pool.handled', base: Noting, bind: true }, async (task, how: 'return' | 'throw' | 'retry') => {
  if (how === 'throw') throw new ValueError('thrown');
  if (how === 'retry') throw task.retry({ exc: new ValueError('later') });
  return how;
});
/** What was noted in this process since the last time. */
export const notes = app.task('pool.notes', () => told.splice(0));

app.signals.workerProcessInit.connect(({ sender }) => told.push(`workerProcessInit ${sender}`));
app.signals.taskPrerun.connect(({ taskId, sender }) => {
  if (sender.name === 'pool.handled') told.push(`taskPrerun ${taskId}`);
});
app.signals.taskPostrun.connect(({ state, sender }) => {
  if (sender.name === 'pool.handled') told.push(`taskPostrun ${state}`);
});

// ── Limits ────────────────────────────────────────────────────────────────────────────────────────

export const spinForEver = app.task('pool.spin_for_ever', () => {
  for (;;);
});
export const waitForEver = app.task('pool.wait_for_ever', () => new Promise(() => setInterval(() => {}, 1000)));
/** Leaves a trace for as long as its code runs. */
export const tick = app.task('pool.tick', (file: string) => new Promise(() => setInterval(() => appendFileSync(file, '.'), 20)));
/** Passes its signal on, as `fetch` takes it. */
export const waitForSignal = app.task({ name: 'pool.wait_for_signal', bind: true }, (task) =>
  sleepMs(30_000, undefined, { signal: task.signal }),
);
/** Looks at its signal now and then, and stops with what that tells. */
export const cooperative = app.task({ name: 'pool.cooperative', bind: true, autoretryFor: [Error] }, async (task) => {
  const { signal } = task;
  for (;;) {
    await sleepMs(10);
    signal.throwIfAborted();
  }
});
/** Writes, for vitest takes what console.log prints. */
export const saysGoodbye = app.task({ name: 'pool.says_goodbye', bind: true }, ({ signal }) => {
  signal.addEventListener('abort', () => void process.stdout.write('goodbye\n'));
  process.stdout.write('hello\n');
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
});
export const cleanUp = app.task({ name: 'pool.clean_up', bind: true }, async (task) => {
  try {
    await sleepMs(30_000, undefined, { signal: task.signal });
  } catch {
    await sleepMs(50);
    return `cleaned up after ${(task.signal.reason as Error).name}`;
  }
  return 'never interrupted';
});
export const deafToItsSignal = app.task({ name: 'pool.deaf', bind: true }, (task) => {
  void task.signal;
  return new Promise(() => setInterval(() => {}, 1000));
});
export const isSoftLimit = app.task({ name: 'pool.is_soft_limit', bind: true }, async (task) => {
  await new Promise<void>((resolve) => task.signal.addEventListener('abort', () => resolve()));
  return task.signal.reason instanceof SoftTimeLimitExceeded;
});

// ── Misbehaviour ──────────────────────────────────────────────────────────────────────────────────

export const exit = app.task('pool.exit', (code: number) => {
  process.exit(code); // oxlint-disable-line unicorn/no-process-exit -- what a careless task does is the point
});
export const kill = app.task('pool.kill', async (signal: NodeJS.Signals) => {
  process.kill(process.pid, signal);
  await sleepMs(30_000);
});
export const rejectLater = app.task('pool.reject_later', () => {
  setTimeout(() => void Promise.reject(new Error('left behind')), 5);
  return 'returned';
});
export const throwInTimer = app.task('pool.throw_in_timer', () => {
  return new Promise(() => {
    setTimeout(() => {
      throw new Error('in a timer');
    }, 5);
  });
});
export const leakTimer = app.task('pool.leak_timer', () => {
  setInterval(() => {}, 10);
  return 'returned';
});
export const fillHeap = app.task('pool.fill_heap', () => {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(1000).fill(kept.length));
});
const hoard: Buffer[] = [];
/** Grows by so many MiB that stay. */
export const hoardMemory = app.task('pool.hoard', (mebibytes: number) => {
  hoard.push(Buffer.alloc(mebibytes * 1024 * 1024, 1));
  return hoard.length;
});
