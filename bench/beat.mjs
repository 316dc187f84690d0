/**
 * Beat: what a tick costs with ten thousand entries, what the process weighs, and how late firings are.
 *
 *   node bench/beat.mjs [--entries 10000] [--seconds 20] [--json file]
 *
 * The tick is measured in this process: the scheduler of src/, bundled on the spot, through a simulated hour. The
 * rest is measured on `ctq beat` itself with SQLite and, where there is one, Redis: processor time and memory from
 * the kernel, drift as the age of a firing's moment when its message arrives.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from './lib/redis.mjs';
import { median } from './lib/stats.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: { entries: { type: 'string', default: '10000' }, seconds: { type: 'string', default: '20' }, json: { type: 'string' } },
});
const entries = Number(options.entries);
const seconds = Number(options.seconds);
const folder = mkdtempSync(join(tmpdir(), 'ctq-bench-beat-'));
const results = { date: new Date().toISOString(), node: process.version, load: loadavg()[0], cores: cpus().length, entries };

/** A mixture as people have it: mostly crontabs of hours and days, some intervals of minutes. */
const schedule = (n) =>
  n % 3 === 0
    ? 60 + (n % 3540)
    : n % 3 === 1
      ? `${n % 60} ${n % 24} * * *`
      : `${n % 60} */${1 + (n % 6)} * * ${n % 2 === 0 ? '*' : 'mon-fri'}`;

async function tickCost() {
  const { build } = await import('esbuild');
  const file = join(folder, 'scheduler.mjs');
  await build({
    stdin: {
      contents: `export { Scheduler } from './src/beat/scheduler.ts'; export { readEntry } from './src/beat/schedule-entry.ts'; export { TimeZone } from './src/beat/time-zone.ts';`,
      resolveDir: root,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: file,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  const { Scheduler, readEntry, TimeZone } = await import(pathToFileURL(file).href);
  const start = Date.UTC(2026, 10, 21, 9);
  const scheduler = new Scheduler(TimeZone.of('Europe/Berlin'));
  const before = process.memoryUsage().heapUsed;
  const beginMs = performance.now();
  for (let n = 0; n < entries; n++) {
    scheduler.put(readEntry(`entry-${n}`, { task: 'tasks.x', schedule: schedule(n), args: [n] }, 'bench'), {
      lastRunAtMs: start,
      totalRunCount: 0,
    });
  }
  const putMs = performance.now() - beginMs;
  const ticks = [];
  let fired = 0;
  for (let second = 1; second <= 3600; second++) {
    const cpu = process.cpuUsage();
    const firings = scheduler.tick(start + second * 1000, { missedUntilMs: start, startingDeadlineMs: undefined, limit: 500 });
    for (const firing of firings) scheduler.settle(firing);
    const { user, system } = process.cpuUsage(cpu);
    ticks.push((user + system) / 1000);
    fired += firings.length;
  }
  ticks.sort((a, b) => a - b);
  return {
    loadMs: round(putMs),
    heapMb: round((process.memoryUsage().heapUsed - before) / 1e6),
    firings: fired,
    tickMedianMs: round(median(ticks)),
    tickP99Ms: round(ticks[Math.floor(ticks.length * 0.99)]),
    tickMaxMs: round(ticks.at(-1)),
  };
}

async function running(url) {
  const app = join(folder, 'tasks.mjs');
  writeFileSync(
    app,
    `import { Ctq } from ${JSON.stringify(join(root, 'dist/index.js'))};
     export const app = new Ctq('bench');
     const schedule = ${schedule.toString()};
     for (let n = 0; n < ${entries}; n++) app.addPeriodicTask(schedule(n), 'tasks.x', { name: 'entry-' + n, args: [n] });
     app.addPeriodicTask(0.25, 'tasks.clock', { name: 'clock', options: { queue: 'clock' }, args: [() => Date.now()] });`,
  );
  const beat = spawn(process.execPath, [join(root, 'bin/ctq.js'), 'beat', '-A', 'tasks', '-b', url, '-l', 'debug'], { cwd: folder });
  let log = '';
  for (const stream of [beat.stdout, beat.stderr]) stream.on('data', (text) => (log += text));
  const began = performance.now();
  while (!log.includes('Waking up')) await new Promise((resolve) => setTimeout(resolve, 50));
  const startMs = performance.now() - began;
  const from = statOf(beat.pid);
  const drifts = await driftOf(url, seconds);
  const to = statOf(beat.pid);
  const { rssMb, peakMb } = memoryOf(beat.pid);
  beat.kill('SIGTERM');
  await new Promise((resolve) => beat.once('exit', resolve));
  drifts.sort((a, b) => a - b);
  return {
    startMs: Math.round(startMs),
    cpuPercent: round(((to - from) / seconds) * 100),
    rssMb,
    peakMb,
    firings: drifts.length,
    driftMedianMs: round(median(drifts)),
    driftMaxMs: round(drifts.at(-1)),
  };
}

/** Each firing of the clock tells when its message was made; its moment is a quarter of a second after the one before. */
async function driftOf(url, forSeconds) {
  const { Ctq } = await import(join(root, 'dist/index.js'));
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
  await new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
  await consumer.close();
  await app.close();
  // The grid is as early as the earliest of them.
  const phase = Math.min(...made.map((at, index) => at - index * 250));
  // What fell due while ten thousand entries were written down is late, and says nothing of the drift.
  return made.map((at, index) => at - index * 250 - phase).slice(8);
}

/** Processor seconds. */
function statOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1000);
  return { rssMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

function round(number) {
  return Math.round(number * 1000) / 1000;
}

try {
  results.tick = await tickCost();
  console.log('tick  ', results.tick);
  results.sqlite = await running(`sqlite://${folder}/ctq.db`);
  console.log('sqlite', results.sqlite);
  if (spawnSync('redis-server', ['--version']).status === 0) {
    const redis = await startRedis();
    results.redis = await running(redis.url);
    console.log('redis ', results.redis);
    await redis.stop?.();
  }
  if (options.json !== undefined) {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
