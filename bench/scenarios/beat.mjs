/**
 * Beat: what a tick costs with ten thousand entries, what the process weighs, and how late firings are.
 *
 * The tick is measured in this process: the scheduler of src/, bundled on the spot, through a simulated hour. The rest is
 * measured on `ctq beat` itself: processor time and memory from the kernel, drift as the age of a firing's moment when its
 * message is made.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Ctq } from '../../dist/index.js';
import { CTQ, familyCpuMs, LIBRARY, residentMb, start, stop, whenSaid, withFolder } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';
import { median, quantile } from '../lib/stats.mjs';

export const title = 'Beat with ten thousand entries';
export const sizes = {
  full: { entries: 10_000, seconds: 20, rounds: 3 },
  check: { seconds: 10, rounds: 1 },
  quick: { entries: 200, seconds: 4 },
};

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A mixture as people have it: mostly crontabs of hours and days, some intervals of minutes. */
const schedule = (n) =>
  n % 3 === 0
    ? 60 + (n % 3540)
    : n % 3 === 1
      ? `${n % 60} ${n % 24} * * *`
      : `${n % 60} */${1 + (n % 6)} * * ${n % 2 === 0 ? '*' : 'mon-fri'}`;

async function loadScheduler(folder) {
  const { build } = await import('esbuild');
  const file = join(folder, 'scheduler.mjs');
  await build({
    stdin: {
      contents: `export { Scheduler } from './src/beat/scheduler.ts'; export { readEntry } from './src/beat/schedule-entry.ts'; export { TimeZone } from './src/beat/time-zone.ts';`,
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: file,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return import(pathToFileURL(file).href);
}

/** Processor time of each second's tick through an hour, ms. */
function tickTimes({ Scheduler, readEntry, TimeZone }, entries) {
  const startMs = Date.UTC(2026, 10, 21, 9);
  const scheduler = new Scheduler(TimeZone.of('Europe/Berlin'));
  for (let n = 0; n < entries; n += 1) {
    const entry = readEntry(`entry-${n}`, { task: 'tasks.x', schedule: schedule(n), args: [n] }, 'bench');
    scheduler.put(entry, { lastRunAtMs: startMs, totalRunCount: 0 });
  }
  return Array.from({ length: 3600 }, (_, second) => {
    const before = process.cpuUsage();
    const options = { missedUntilMs: startMs, startingDeadlineMs: undefined, limit: 500 };
    for (const firing of scheduler.tick(startMs + (second + 1) * 1000, options)) scheduler.settle(firing);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
}

async function running(url, folder, { entries, seconds }) {
  writeFileSync(
    join(folder, 'tasks.mjs'),
    `import { Ctq } from ${JSON.stringify(LIBRARY)};
     export const app = new Ctq('bench');
     const schedule = ${schedule.toString()};
     for (let n = 0; n < ${entries}; n++) app.addPeriodicTask(schedule(n), 'tasks.x', { name: 'entry-' + n, args: [n] });
     app.addPeriodicTask(0.25, 'tasks.clock', { name: 'clock', options: { queue: 'clock' }, args: [() => Date.now()] });`,
  );
  const began = performance.now();
  const beat = start(process.execPath, [CTQ, 'beat', '-A', 'tasks', '-b', url, '-l', 'debug'], { cwd: folder, keepAll: true });
  try {
    await whenSaid(beat, 'Waking up');
    const startMs = performance.now() - began;
    const cpuBefore = familyCpuMs(beat.pid);
    const drifts = await driftOf(url, seconds);
    const cpuPercent = (familyCpuMs(beat.pid) - cpuBefore) / (seconds * 10);
    return { startMs, cpuPercent, resident: residentMb(beat.pid), drift: median(drifts), driftMost: Math.max(...drifts) };
  } finally {
    await stop(beat, 'SIGTERM');
  }
}

/** Each firing of the clock tells when its message was made; its moment is a quarter of a second after the one before. */
async function driftOf(url, forSeconds) {
  const app = new Ctq('reader', { brokerUrl: url, resultBackend: 'disabled://' });
  const broker = await app.broker();
  const made = [];
  const consumer = await broker.consume({
    queues: [{ name: 'clock', exchange: { name: '', type: 'direct' }, routingKey: 'clock' }],
    prefetch: 100,
    name: 'bench',
    handler: {
      deliver(batch) {
        for (const delivery of batch) {
          made.push(JSON.parse(Buffer.from(delivery.message.body).toString())[0][0]);
          void delivery.ack();
        }
      },
      malformed() {},
      disconnected() {},
      connected() {},
      fenced() {},
    },
  });
  await sleep(forSeconds * 1000);
  await consumer.close();
  await app.close();
  // The grid is as early as the earliest of them.
  const phase = Math.min(...made.map((at, index) => at - index * 250));
  // What fell due while ten thousand entries were written down is late, and says nothing of the drift.
  return made.map((at, index) => at - index * 250 - phase).slice(8);
}

const STORES = {
  'ctq, Redis': (size) => withRedis((redis) => withFolder((folder) => running(redis.url, folder, size))),
  'ctq, SQLite': (size) => withFolder((folder) => running(`sqlite://${join(folder, 'ctq.db')}`, folder, size)),
};

export async function run({ size, rounds, record, turns }) {
  const { p50, p99, most } = await withFolder(async (folder) => {
    const scheduler = await loadScheduler(folder);
    const times = Array.from({ length: rounds }, () => tickTimes(scheduler, size.entries));
    return {
      p50: times.map(median),
      p99: times.map((list) => quantile(list, 0.99)),
      most: times.map((list) => Math.max(...list)),
    };
  });
  record.group('processor time of a tick', { unit: 'ms', better: 'less', rows: { 'ctq, p50': p50, 'ctq, p99': p99, 'ctq, most': most } });
  const measured = await turns('beat', Object.keys(STORES), (name) => STORES[name](size));
  const rows = (of) => Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, list.map((one) => one[of])]));
  record.group('resident memory', { unit: 'MB', better: 'less', rows: rows('resident') });
  record.group('processor', { unit: '%', better: 'less', rows: rows('cpuPercent') });
  record.group('until the first tick', { unit: 'ms', better: 'less', rows: rows('startMs') });
  record.group('late, p50', { unit: 'ms', better: 'less', rows: rows('drift') });
  record.group('late, most', { unit: 'ms', better: 'less', rows: rows('driftMost') });
}
