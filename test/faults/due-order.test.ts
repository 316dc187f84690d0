/** Tasks that fall due faster than a worker runs them: the one that was due first is run first. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { startRedis } from '../support/redis-server.js';
import { describeBeside } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const COUNT = 3_000;
/** Far enough for the worker to have seen them all before; the second time for a busy machine. */
const DUE_IN_MS = [9_000, 40_000];
/** All are due within 750 ms; in no order at all somebody would be overtaken by nearly as much. */
const MOST_OVERTAKEN_MS = 150;

const tasks = {
  'tasks.ts': `import { appendFileSync } from 'node:fs';
import { Ctq } from 'ctq';
export const app = new Ctq('tasks', { taskIgnoreResult: true });
export const due = app.task('tasks.due', (place: number, file: string) => {
  const untilMs = performance.now() + 0.5;
  while (performance.now() < untilMs);
  appendFileSync(file, place + '\\n');
});
`,
};

/** Four are due in each millisecond; they are sent in another order. */
async function runInOrder(broker: string): Promise<void> {
  const cwd = tmpFolder(tasks);
  const worker = startCtq(['worker', '-A', 'tasks', '-b', broker, '-P', 'solo', '-l', 'info'], { cwd });
  await worker.waitForOutput(/ ready\./, 45_000);
  const places = Array.from({ length: COUNT }, (_, index) => (index * 7) % COUNT);
  for (const [attempt, dueInMs] of DUE_IN_MS.entries()) {
    const file = join(cwd, `ran-${attempt}.txt`);
    appendFileSync(file, '');
    const startMs = Date.now() + dueInMs;
    const etaOf = (place: number): string => new Date(startMs + Math.floor(place / 4)).toISOString();
    const input = places.map((place) => JSON.stringify({ task: 'tasks.due', args: [place, file], options: { eta: etaOf(place) } }));
    expect((await runCtq(['send', '--batch', '-', '-b', broker], { cwd, input: `${input.join('\n')}\n` })).code).toBe(0);
    const ran = (): number[] => readFileSync(file, 'utf8').trim().split('\n').map(Number);
    await eventually(() => ran().length === COUNT, { timeoutMs: dueInMs + 60_000 });
    // Of one that it had not seen before its time the worker could not know; on a very busy machine we try again.
    const seenInTime = worker.output.split(' is for later: ').length - 1 === (attempt + 1) * COUNT;
    if (!seenInTime && attempt + 1 < DUE_IN_MS.length) continue;
    let latest = 0;
    const overtaken = ran().map((place) => {
      const dueAt = Math.floor(place / 4);
      latest = Math.max(latest, dueAt);
      return latest - dueAt;
    });
    // What the worker gives back, because it has taken more than it can do, may cross with what is on its way.
    expect(Math.max(...overtaken)).toBeLessThan(MOST_OVERTAKEN_MS);
    break;
  }
  await worker.kill();
}

it.concurrent('a worker with one slot runs what is due in the order of its times, on SQLite', { timeout: 240_000 }, async () => {
  await runInOrder(`sqlite://${join(tmpFolder(), 'ctq.db')}`);
});

describeBeside('redis', 'on Redis, too', () => {
  it('a worker with one slot runs what is due in the order of its times', { timeout: 240_000 }, async () => {
    const redis = await startRedis();
    await runInOrder(redis.url);
  });
});
