/**
 * A rate limit that all workers share, measured from outside: the moments at which tasks began, in four worker
 * processes. `CTQ_TEST_LONG=1` measures for twelve seconds, where ten are promised.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const PER_SECOND = 50;
const MEASURED_S = process.env['CTQ_TEST_LONG'] === '1' ? 12 : 5;
const TASKS = PER_SECOND * MEASURED_S;

const tasks = {
  'tasks.ts': `import { appendFileSync } from 'node:fs';
import { Ctq } from 'ctq';
export const app = new Ctq('tasks', { taskIgnoreResult: true });
export const limited = app.task({ name: 'tasks.limited', rateLimit: '${PER_SECOND}/s', rateLimitScope: 'global' }, (file: string) => {
  appendFileSync(file, Date.now() + ' ' + process.pid + '\\n');
});
let running = 0;
export const alone = app.task({ name: 'tasks.alone', maxConcurrency: 2, maxConcurrencyScope: 'global' }, async (file: string) => {
  appendFileSync(file, '1\\n');
  await new Promise((resolve) => setTimeout(resolve, 50));
  appendFileSync(file, '-1\\n');
});
`,
};

async function fourWorkers(broker: string, cwd: string): Promise<readonly OwnedProcess[]> {
  const workers = [1, 2, 3, 4].map((n) =>
    startCtq(['worker', '-A', 'tasks', '-b', broker, '-n', `w${n}@test`, '-l', 'info', '--without-gossip', '--without-mingle'], { cwd }),
  );
  await Promise.all(workers.map((worker) => worker.waitForOutput(/ ready\./, 30_000)));
  return workers;
}

async function sendMany(broker: string, cwd: string, task: string, count: number): Promise<string> {
  const file = join(cwd, `${task}.txt`);
  appendFileSync(file, '');
  const input = `${JSON.stringify({ task, args: [file] })}\n`.repeat(count);
  expect((await runCtq(['send', '--batch', '-', '-b', broker], { cwd, input })).code).toBe(0);
  return file;
}

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);

async function measure(broker: string): Promise<void> {
  const cwd = tmpFolder(tasks);
  const workers = await fourWorkers(broker, cwd);
  const file = await sendMany(broker, cwd, 'tasks.limited', TASKS);
  await eventually(() => expect(linesOf(file).length).toBe(TASKS), { timeoutMs: (MEASURED_S + 40) * 1000, intervalMs: 200 });
  await Promise.all(workers.map((worker) => worker.kill()));
  const begun = linesOf(file).map((line) => line.split(' '));
  const times = begun.map(([time]) => Number(time)).sort((a, b) => a - b);
  // Not more: whoever stands still for a while only takes longer.
  const wholeS = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  expect(TASKS / wholeS).toBeLessThanOrEqual(PER_SECOND * 1.1);
  // Not less, in the best of its seconds: in others somebody may have stood still.
  const best = Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 1000).length));
  expect(best).toBeGreaterThanOrEqual(PER_SECOND * 0.9);
  // Somebody may have stood still for the whole of it; one alone would prove nothing.
  expect(new Set(begun.map(([, pid]) => pid)).size).toBeGreaterThanOrEqual(2);
}

async function mostAtOnce(broker: string): Promise<void> {
  const cwd = tmpFolder(tasks);
  const workers = await fourWorkers(broker, cwd);
  const file = await sendMany(broker, cwd, 'tasks.alone', 30);
  await eventually(() => expect(linesOf(file).length).toBe(60), { timeoutMs: 45_000, intervalMs: 100 });
  await Promise.all(workers.map((worker) => worker.kill()));
  let running = 0;
  const most = Math.max(...linesOf(file).map((line) => (running += Number(line))));
  expect(most).toBe(2);
}

describeWith('redis', 'limits of all workers together', () => {
  it(`${PER_SECOND} a second are ${PER_SECOND} a second in four processes on Redis`, { timeout: 120_000 }, async () => {
    await measure((await startRedis()).url);
  });

  it('two at once are two at once in four processes on Redis', { timeout: 90_000 }, async () => {
    await mostAtOnce((await startRedis()).url);
  });

  it(`${PER_SECOND} a second are ${PER_SECOND} a second in four processes on one SQLite file`, { timeout: 120_000 }, async () => {
    await measure(`sqlite://${join(tmpFolder(), 'ctq.db')}`);
  });
});
