import { setTimeout as sleep } from 'node:timers/promises';
import { Ctq } from 'ctq';

/** What is measured is said by the environment: see lib/peers.mjs. */
export const app = new Ctq('tasks', {
  taskAcksLate: process.env['BENCH_ACKS'] !== 'early',
  taskIgnoreResult: process.env['BENCH_RESULTS'] === 'off',
});

export const add = app.task('tasks.add', (x: number, y: number) => x + y);

/** Waits as a task waits that asks somebody else. */
export const wait = app.task('tasks.wait', async (_x: number, _y: number) => {
  await sleep(50);
});

/** Computes for about twenty milliseconds. */
export const compute = app.task('tasks.compute', (seed: number) => {
  let value = seed;
  for (let i = 0; i < 12_000_000; i += 1) value = (value * 31 + i) % 1_000_003;
  return value;
});

/** As many more as a large project has. */
for (let index = 0; index < Number(process.env['BENCH_TASKS'] ?? 0); index += 1) app.task(`tasks.more.number_${index}`, () => index);
