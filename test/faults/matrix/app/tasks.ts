/**
 * The tasks that the fault matrix runs on ctq; `tasks.py` has the same for Celery. Each run writes one line at its beginning and one at
 * its end into a file of its process: what is written is kept when the process is killed.
 */
import { appendFileSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { setTimeout as sleepMs } from 'node:timers/promises';
import { Ctq } from 'ctq';

/** Settings that a row asks for, as JSON. */
export const app = new Ctq('tasks', JSON.parse(process.env['CTQ_TEST_SETTINGS'] ?? '{}') as Record<string, unknown>);

const folder = process.env['CTQ_TEST_BOOK'] ?? '';
let file: number | undefined;

function note(sign: 'b' | 'e' | 'w', name: string): void {
  file ??= openSync(join(folder, `${process.pid}-${threadId}.book`), 'a');
  writeSync(file, `${sign} ${name} ${Date.now()} ${process.pid}\n`);
}

async function work(name: string, seconds: number): Promise<string> {
  note('b', name);
  if (seconds > 0) await sleepMs(seconds * 1000);
  note('e', name);
  return name;
}

export const plain = app.task('tasks.work', (name: string, seconds = 0) => work(name, seconds));
export const early = app.task({ name: 'tasks.early', acksLate: false }, (name: string, seconds = 0) => work(name, seconds));

/** Keeps its thread busy, as a task that computes. */
export const compute = app.task('tasks.compute', (name: string, seconds = 0) => {
  note('b', name);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until);
  note('e', name);
  return name;
});

/** Ends whoever runs it. */
export const deadly = app.task('tasks.deadly', async (name: string) => {
  note('b', name);
  process.kill(process.pid, 'SIGKILL');
  await sleepMs(30_000);
});

export const retrying = app.task({ name: 'tasks.retrying', bind: true, maxRetries: 3 }, async (task, name: string) => {
  if (task.request.retries === 0) throw task.retry({ countdown: 0.2 });
  return await work(name, 0);
});

/** What the malformed messages ask for. */
export const add = app.task('tasks.add', (x: number, y: number) => x + y);

export const part = app.task('tasks.part', async (value: number, seconds = 0) => {
  if (seconds > 0) await sleepMs(seconds * 1000);
  return value;
});

/** The body of a chord of the numbers from 0 on: `w` when they are not what they should be. */
export const body = app.task('tasks.body', (numbers: readonly number[], name: string, count: number) => {
  const right = numbers.length === count && numbers.reduce((sum, number) => sum + number, 0) === (count * (count - 1)) / 2;
  note('b', name);
  note(right ? 'e' : 'w', name);
  return name;
});

/** One line a firing. */
export const tick = app.task('tasks.tick', (name: string) => {
  appendFileSync(join(folder, 'ticks.txt'), `${name} ${Date.now()}\n`);
});
