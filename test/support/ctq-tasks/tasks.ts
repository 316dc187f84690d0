/**
 * The ctq end of the interop and fault tests: the same names as `test/support/python/tasks.py`, so that
 * a queue can be shared by both kinds of worker.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { Ctq, Ignore, Reject, type SignatureLike } from 'ctq';

export const app = new Ctq('tasks', { acceptContent: ['json', 'yaml', 'msgpack'], resultAcceptContent: ['json', 'yaml', 'msgpack'] });

/** Leaves a file behind: one a call, so that a test can count runs. */
function mark(name: string): void {
  const folder = process.env['CTQ_TEST_MARKS'];
  if (folder !== undefined) writeFileSync(join(folder, `${name}.${randomUUID()}`), String(Date.now()));
}

class CustomError extends Error {
  override name = 'CustomError';
}

class ValueError extends Error {
  override name = 'ValueError';
}

export const add = app.task('tasks.add', (x: number, y: number) => x + y);
export const mul = app.task('tasks.mul', (x: number, y: number) => x * y);
export const xsum = app.task('tasks.xsum', (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0));
export const ident = app.task('tasks.ident', (x: unknown) => x);
export const stamped = app.task({ name: 'tasks.stamped', bind: true }, ({ request }, ...args: unknown[]) => ({
  args,
  stamps: request.stamps,
  names: request.stampedHeaders,
}));
export const echo = app.task({ name: 'tasks.echo', bind: true, typing: false }, (task) => ({
  args: task.request.args,
  kwargs: task.request.kwargs,
}));

export const requestInfo = app.task({ name: 'tasks.request_info', bind: true, typing: false }, ({ request }) => ({
  id: request.id,
  root_id: request.rootId,
  parent_id: request.parentId,
  correlation_id: request.correlationId,
  origin: request.origin,
  retries: request.retries,
  eta: request.eta,
  expires: request.expires,
  timelimit: request.timelimit,
  delivery_info: request.deliveryInfo,
  headers: request.headers,
  ignore_result: request.ignoreResult,
  shadow: request.shadow,
  group: request.group,
}));

export const fail = app.task('tasks.fail', (message = 'boom') => {
  throw new ValueError(message);
});

export const failCustom = app.task('tasks.fail_custom', () => {
  throw new CustomError('zwei');
});

export const sleep = app.task('tasks.sleep', async (seconds: number) => {
  await sleepMs(seconds * 1000);
  return seconds;
});

/** Marks the beginning and the end of the run. */
export const marked = app.task('tasks.marked', async (name: string, seconds = 0) => {
  mark(`${name}.begin`);
  if (seconds > 0) await sleepMs(seconds * 1000);
  mark(`${name}.end`);
  return name;
});

/** Keeps the event loop busy: nothing else of this process runs meanwhile. */
export const spin = app.task('tasks.spin', (name: string, seconds: number) => {
  mark(`${name}.begin`);
  const until = Date.now() + seconds * 1000;
  while (Date.now() < until);
  mark(`${name}.end`);
  return name;
});

export const early = app.task({ name: 'tasks.early', acksLate: false }, async (name: string, seconds = 0) => {
  mark(`${name}.begin`);
  await sleepMs(seconds * 1000);
  mark(`${name}.end`);
  return name;
});

export const retryMe = app.task({ name: 'tasks.retry_me', bind: true, maxRetries: 3 }, (task, times = 1, countdown = 0.1) => {
  if (task.request.retries < times) {
    throw task.retry({ countdown, exc: new ValueError(`try ${task.request.retries}`) });
  }
  return task.request.retries;
});

export const retryExhaust = app.task({ name: 'tasks.retry_exhaust', bind: true, maxRetries: 1 }, (task) => {
  throw task.retry({ countdown: 0.1, exc: new ValueError('always') });
});

export const retryNoexc = app.task({ name: 'tasks.retry_noexc', bind: true, maxRetries: 0 }, (task) => {
  throw task.retry({ countdown: 0.1 });
});

export const auto = app.task({ name: 'tasks.auto', autoretryFor: [CustomError], maxRetries: 2, defaultRetryDelay: 0 }, () => {
  throw new CustomError('each time');
});

export const soft = app.task({ name: 'tasks.soft', bind: true, softTimeLimit: 1 }, (task) =>
  sleepMs(30_000, undefined, { signal: task.signal }),
);

/** Until somebody revokes it. */
export const listen = app.task({ name: 'tasks.listen', bind: true }, (task) => sleepMs(300_000, undefined, { signal: task.signal }));

export const hard = app.task({ name: 'tasks.hard', timeLimit: 1 }, () => sleepMs(30_000));

export const ignored = app.task({ name: 'tasks.ignored', ignoreResult: true }, () => 1);

export const started = app.task({ name: 'tasks.started', trackStarted: true }, async (seconds = 0) => {
  await sleepMs(seconds * 1000);
  return seconds;
});

export const progress = app.task({ name: 'tasks.progress', bind: true }, async (task, seconds = 0) => {
  await task.updateState('PROGRESS', { done: 1, of: 2 });
  await sleepMs(seconds * 1000);
  return 'done';
});

export const doIgnore = app.task('tasks.do_ignore', () => {
  throw new Ignore();
});

export const doReject = app.task('tasks.do_reject', () => {
  throw new Reject('no reason');
});

export const requeueOnce = app.task({ name: 'tasks.requeue_once', bind: true }, (task) => {
  if (!task.request.deliveryInfo.redelivered) throw new Reject('once more', { requeue: true });
  return 'second time';
});

export const noisy = app.task({ name: 'tasks.noisy', bind: true }, (task, text = 'noise') => {
  console.log(`stdout ${text}`);
  task.logger.info('task logger %s', text);
  return text;
});

export const spawn = app.task('tasks.spawn', async () => (await add.delay(1, 2)).id);

export const unserializable = app.task('tasks.unserializable', () => Symbol('no JSON'));

export const throwString = app.task('tasks.throw_string', () => {
  throw 'not an error'; // biome-ignore lint: what a careless task does is the point
});

export const errback = app.task('tasks.errback', (taskId: string) => {
  mark(`errback.${taskId}`);
  return taskId;
});

/** Takes a moment that the test chooses; used under load. */
export const late = app.task('tasks.late', async (name = 'late', seconds = 0) => {
  mark(`${name}.begin`);
  if (seconds > 0) await sleepMs(seconds * 1000);
  mark(`${name}.end`);
  return name;
});

/** What it was called with: shows the shape of a canvas. */
export const gather = app.task('tasks.gather', (...args: unknown[]) => args);

export const replaceBy = app.task({ name: 'tasks.replace_by', bind: true }, (task, by: SignatureLike, ...args: unknown[]) => {
  throw task.replace(app.reviveSignature(by).clone(args));
});

export const growChord = app.task({ name: 'tasks.grow_chord', bind: true }, async (task) => {
  await task.addToChord(gather.s('grown'));
  return 'first';
});

/** The body of a chord: marks what it got. A message that was delivered before is no second body. */
export const bodyOf = app.task({ name: 'tasks.body_of', bind: true }, (task, numbers: readonly number[], name: string) => {
  const sum = numbers.reduce((total, number) => total + number, 0);
  mark(`${name}.${task.request.deliveryCount === 0 ? 'called' : 'again'}.${numbers.length}.${sum}`);
  return sum;
});

/** A part that takes a moment, so that somebody can die in it. */
export const slowly = app.task('tasks.slowly', async (value: number, seconds: number) => {
  await sleepMs(seconds * 1000);
  return value;
});

// ── What takes its process with it, or holds on to it ─────────────────────────────────────────────

export const exit = app.task('tasks.exit', (name: string, code: number) => {
  mark(`${name}.begin`);
  process.exit(code); // oxlint-disable-line unicorn/no-process-exit -- what a careless task does is the point
});

/** The process that runs it first does not survive it. */
export const exitOnce = app.task({ name: 'tasks.exit_once', bind: true }, (task, name: string) => {
  mark(`${name}.begin`);
  if (!task.request.deliveryInfo.redelivered) process.exit(1); // oxlint-disable-line unicorn/no-process-exit -- see above
  mark(`${name}.end`);
  return task.request.deliveryCount;
});

export const crash = app.task('tasks.crash', async (name: string, signal: NodeJS.Signals) => {
  mark(`${name}.begin`);
  process.kill(process.pid, signal);
  await sleepMs(30_000);
});

export const fillHeap = app.task({ name: 'tasks.fill_heap', rejectOnWorkerLost: false }, () => {
  const kept: unknown[] = [];
  for (;;) kept.push(new Array(1000).fill(kept.length));
});

export const rejectLater = app.task('tasks.reject_later', () => {
  setTimeout(() => void Promise.reject(new Error('left behind')), 5);
  return 'returned';
});

export const leakTimer = app.task('tasks.leak_timer', () => {
  setInterval(() => {}, 10);
  return 'returned';
});

export const spinForEver = app.task({ name: 'tasks.spin_for_ever', timeLimit: 2 }, (name: string) => {
  mark(`${name}.begin`);
  for (;;);
});

export const whereAmI = app.task('tasks.where_am_i', () => process.pid);
