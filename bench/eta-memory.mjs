/**
 * How much a worker grows that has taken tasks which are due later (RELIABILITY M19), and how late they run.
 *
 *   node bench/eta-memory.mjs [--count 100000] [--due 60] [--over 10] [--broker redis://…]
 *
 * Prints one JSON document. The tasks are due `--due` seconds after the first was sent, over `--over` seconds.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    due: { type: 'string', default: '60' },
    over: { type: 'string', default: '10' },
    broker: { type: 'string' },
  },
});
const count = Number(values.count);
const dueS = Number(values.due);
const overMs = Number(values.over) * 1000;
const folder = mkdtempSync(join(tmpdir(), 'ctq-eta-'));
const broker = values.broker ?? `sqlite://${join(folder, 'ctq.db')}`;
const ctq = fileURLToPath(new URL('../bin/ctq.js', import.meta.url));
const library = new URL('../dist/index.js', import.meta.url).href;

writeFileSync(
  join(folder, 'tasks.mjs'),
  `import { writeFileSync } from 'node:fs';
import { Ctq } from ${JSON.stringify(library)};
export const app = new Ctq('tasks', { taskIgnoreResult: true });
const late = [];
export const warm = app.task({ name: 'tasks.warm', ignoreResult: false }, () => null);
export const due = app.task('tasks.due', (atMs) => {
  late.push(Date.now() - atMs);
  if (late.length === ${count}) writeFileSync(${JSON.stringify(join(folder, 'late.json'))}, JSON.stringify(late));
});
`,
);

const worker = spawn(process.execPath, [ctq, 'worker', '-A', 'tasks', '-b', broker], {
  cwd: folder,
  stdio: ['ignore', 'ignore', 'inherit'],
});
const rssKib = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'))?.[1]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

try {
  const { Ctq } = await import(library);
  const client = new Ctq('client', { brokerUrl: broker });
  // Warm: what any tasks cost is not what waiting ones do.
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 500 }, () => client.sendTask('tasks.warm', [], { ignoreResult: true }).published));
  }
  await client.sendTask('tasks.warm', [], { ignoreResult: false }).get({ timeout: 60 });
  await sleep(1000);
  const idleKib = rssKib();
  const startMs = Date.now() + dueS * 1000;
  for (let from = 0; from < count; from += 1000) {
    const sent = [];
    for (let index = from; index < Math.min(from + 1000, count); index += 1) {
      const atMs = startMs + Math.floor((index / count) * overMs);
      sent.push(client.sendTask('tasks.due', [atMs], { eta: new Date(atMs), ignoreResult: true }).published);
    }
    await Promise.all(sent);
  }
  const sentInS = (Date.now() - startMs) / 1000 + dueS;
  let mostKib = 0;
  while (Date.now() < startMs - 500) {
    mostKib = Math.max(mostKib, rssKib());
    await sleep(100);
  }
  const waitingKib = rssKib();
  let late;
  for (const giveUpMs = startMs + overMs + 60_000; late === undefined && Date.now() < giveUpMs; await sleep(200)) {
    mostKib = Math.max(mostKib, rssKib());
    try {
      late = JSON.parse(readFileSync(join(folder, 'late.json'), 'utf8')).sort((a, b) => a - b);
    } catch {
      // Not all have run.
    }
  }
  await client.close();
  const stopMs = performance.now();
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await ended;
  const mb = (kib) => Math.round(kib / 102.4) / 10;
  const at = (share) => late?.[Math.min(count - 1, Math.floor(count * share))];
  console.log(
    JSON.stringify({
      broker: broker.split(':')[0],
      count,
      sentInS,
      idleMb: mb(idleKib),
      growthWaitingMb: mb(waitingKib - idleKib),
      growthMostMb: mb(mostKib - idleKib),
      ran: late?.length ?? 'not all',
      lateMs: { least: at(0), p50: at(0.5), p99: at(0.99), most: at(1) },
      stopMs: Math.round(performance.now() - stopMs),
    }),
  );
} finally {
  worker.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
