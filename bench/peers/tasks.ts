import { Ctq } from 'ctq';

export const app = new Ctq('tasks');

export const add = app.task('tasks.add', (x: number, y: number) => x + y);

/** Computes for about twenty milliseconds. */
export const compute = app.task('tasks.compute', (seed: number) => {
  let value = seed;
  for (let i = 0; i < 12_000_000; i += 1) value = (value * 31 + i) % 1_000_003;
  return value;
});
