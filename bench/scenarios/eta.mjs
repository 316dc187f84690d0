/** Tasks that are due later: how much a worker grows that has taken them (RELIABILITY M19), and how late they run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ctq } from '../../dist/index.js';
import { CTQ, hasEnded, LIBRARY, residentMb, start, stop, withFolder } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';
import { quantile } from '../lib/stats.mjs';

export const title = 'Tasks that are due later';
export const sizes = {
  full: { tasks: 100_000, dueS: 60, overS: 10, rounds: 1 },
  check: { tasks: 20_000, dueS: 20, overS: 5 },
  quick: { tasks: 500, dueS: 5, overS: 2 },
};

function taskModule(folder, tasks) {
  return `import { writeFileSync } from 'node:fs';
import { Ctq } from ${JSON.stringify(LIBRARY)};
export const app = new Ctq('tasks', { taskIgnoreResult: true });
const late = [];
export const warm = app.task({ name: 'tasks.warm', ignoreResult: false }, () => null);
export const due = app.task('tasks.due', (atMs) => {
  late.push(Date.now() - atMs);
  if (late.length === ${tasks}) writeFileSync(${JSON.stringify(join(folder, 'late.json'))}, JSON.stringify(late));
});
`;
}

/** Tasks due `dueS` seconds after the first was sent, over `overS` seconds. */
async function measure(url, { tasks, dueS, overS }, folder) {
  writeFileSync(join(folder, 'tasks.mjs'), taskModule(folder, tasks));
  const client = new Ctq('client', { brokerUrl: url });
  const worker = start(process.execPath, [CTQ, 'worker', '-A', 'tasks', '-b', url], { cwd: folder });
  try {
    // Warm: what any tasks cost is not what waiting ones do.
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 500 }, () => client.sendTask('tasks.warm', [], { ignoreResult: true }).published));
    }
    await client.sendTask('tasks.warm', [], { ignoreResult: false }).get({ timeout: 60 });
    await sleep(1000);
    const idle = residentMb(worker.pid);
    const startMs = Date.now() + dueS * 1000;
    for (let from = 0; from < tasks; from += 1000) {
      const page = Array.from({ length: Math.min(1000, tasks - from) }, (_, index) => {
        const atMs = startMs + Math.floor(((from + index) / tasks) * overS * 1000);
        return client.sendTask('tasks.due', [atMs], { eta: new Date(atMs), ignoreResult: true }).published;
      });
      await Promise.all(page);
    }
    if (Date.now() > startMs) throw new Error(`sending took longer than ${dueS} s: set dueS`);
    let most = 0;
    while (Date.now() < startMs - 500) {
      most = Math.max(most, residentMb(worker.pid));
      await sleep(100);
    }
    const waiting = residentMb(worker.pid);
    let late;
    for (const giveUpMs = startMs + overS * 1000 + 60_000; late === undefined; await sleep(200)) {
      if (hasEnded(worker) || Date.now() > giveUpMs) throw new Error(`not all have run: ${worker.said}`);
      most = Math.max(most, residentMb(worker.pid));
      late = lateness(folder);
    }
    const stopFrom = performance.now();
    await stop(worker, 'SIGTERM');
    return { waiting: waiting - idle, most: most - idle, late, stopMs: performance.now() - stopFrom };
  } finally {
    await client.close();
    await stop(worker);
  }
}

/** Undefined until all have run, or while the file is being written. */
function lateness(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'late.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

const BROKERS = {
  'ctq, Redis': (size) => withRedis((redis) => withFolder((folder) => measure(redis.url, size, folder))),
  'ctq, SQLite': (size) => withFolder((folder) => measure(`sqlite://${join(folder, 'ctq.db')}`, size, folder)),
};

export async function run({ size, record, turns }) {
  const measured = await turns('due later', Object.keys(BROKERS), (name) => BROKERS[name](size));
  const rows = (of) => Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, list.map(of)]));
  const about = `${size.tasks.toLocaleString('en-GB')} tasks`;
  record.group(`growth while ${about} wait`, { unit: 'MB', better: 'less', rows: rows(({ waiting }) => waiting) });
  record.group('growth at the most, running included', { unit: 'MB', better: 'less', rows: rows(({ most }) => most) });
  record.group('late, p50', { unit: 'ms', better: 'less', rows: rows(({ late }) => quantile(late, 0.5)) });
  record.group('late, p99', { unit: 'ms', better: 'less', rows: rows(({ late }) => quantile(late, 0.99)) });
  record.group('stopping afterwards', { unit: 'ms', better: 'less', rows: rows(({ stopMs }) => stopMs) });
}
