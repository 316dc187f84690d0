/** Tasks that are due later: how much a worker grows that has taken them, and how late they run. For bench and for a test. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ctq } from '../../dist/index.js';
import { CTQ, hasEnded, LIBRARY, residentMb, start, stop } from './processes.mjs';

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
export async function measureDueLater(url, { tasks, dueS, overS }, folder) {
  writeFileSync(join(folder, 'tasks.mjs'), taskModule(folder, tasks));
  const client = new Ctq('client', { brokerUrl: url });
  const worker = start(process.execPath, [CTQ, 'worker', '-A', 'tasks', '-b', url], { cwd: folder, keepAll: true });
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
    return { idle, waiting: waiting - idle, most: most - idle, late, stopMs: performance.now() - stopFrom, said: worker.said };
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
