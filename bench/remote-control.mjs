/**
 * Remote control: how long `ctq inspect ping` takes beside `celery inspect ping` with three workers there, and what telling of
 * each task (`-E`) costs a worker. Pairs alternate, because a shared machine drifts; ratios of pairs are what to quote.
 *
 *   node bench/remote-control.mjs [--pairs 15] [--rounds 5] [--tasks 20000] [--json file]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Ctq } from '../dist/index.js';
import { startRedis, whenReached } from './lib/redis.mjs';
import { median } from './lib/stats.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const ctq = join(here, '../bin/ctq.js');
const { values: options } = parseArgs({
  options: {
    pairs: { type: 'string', default: '15' },
    rounds: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '20000' },
    json: { type: 'string' },
  },
});
const tasks = Number(options.tasks);
const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import celery, redis']).status === 0);
const results = { date: new Date().toISOString(), node: process.version, cores: cpus().length, load: loadavg()[0] };

const range = (values) => ({ median: round(median(values)), least: round(Math.min(...values)), most: round(Math.max(...values)) });
const round = (value) => Math.round(value * 1000) / 1000;

function spawnWorker(redis, words) {
  return spawn(process.execPath, [ctq, 'worker', '-A', 'tasks', '-b', redis.url, ...words], { cwd: join(here, 'peers') });
}

async function startWorker(redis, name) {
  const worker = spawnWorker(redis, ['-n', name, '-l', 'info']);
  let log = '';
  for (const stream of [worker.stdout, worker.stderr]) stream.on('data', (text) => (log += text));
  while (!log.includes('ready.')) {
    if (worker.exitCode !== null) throw new Error(`the worker does not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return worker;
}

async function stop(worker) {
  worker.kill('SIGKILL');
  await once(worker, 'exit');
}

function seconds(command, words, expected) {
  const from = performance.now();
  const { status, stdout } = spawnSync(command, words, { encoding: 'utf8' });
  const took = (performance.now() - from) / 1000;
  if (status !== 0 || stdout.split('pong').length - 1 !== expected) throw new Error(`${command} ${words.join(' ')}: ${stdout}`);
  return took;
}

async function pings() {
  const redis = await startRedis();
  const workers = await Promise.all(['a@bench', 'b@bench', 'c@bench'].map((name) => startWorker(redis, name)));
  const [ours, theirs, bare] = [[], [], []];
  try {
    seconds(process.execPath, [ctq, '-b', redis.url, 'inspect', 'ping'], 3);
    for (let pair = 0; pair < Number(options.pairs); pair++) {
      ours.push(seconds(process.execPath, [ctq, '-b', redis.url, 'inspect', 'ping'], 3));
      theirs.push(seconds(python, ['-m', 'celery', '-b', redis.url, 'inspect', 'ping'], 3));
      bare.push(seconds(process.execPath, ['-e', '0'], 0));
    }
  } finally {
    await Promise.all(workers.map(stop));
    await redis.stop();
  }
  return { ctq: range(ours), celery: range(theirs), node: range(bare), ratio: range(ours.map((took, index) => took / theirs[index])) };
}

/** Tasks a second, from the first tenth of the results to the last. A reader, where there is one, is this process. */
async function drain({ events, reader }) {
  const redis = await startRedis();
  const app = new Ctq('bench', { brokerUrl: redis.url, resultBackend: redis.url });
  let worker;
  try {
    for (let from = 0; from < tasks; from += 1000) {
      await Promise.all(Array.from({ length: Math.min(1000, tasks - from) }, (_, i) => app.sendTask('tasks.add', [from + i, 1]).published));
    }
    const stream = reader ? await app.events.receive(() => {}) : undefined;
    worker = spawnWorker(redis, ['-l', 'warning', ...(events ? ['-E'] : [])]);
    const done = async () => (await redis.client.dbsize()) - 12;
    const first = await whenReached(done, tasks / 10, 120_000);
    const last = await whenReached(done, tasks - 20, 120_000);
    await stream?.close();
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  } finally {
    if (worker !== undefined) await stop(worker);
    await app.close();
    await redis.stop();
  }
}

async function drains() {
  const kinds = {
    silent: { events: false, reader: false },
    events: { events: true, reader: false },
    heard: { events: true, reader: true },
  };
  const rates = { silent: [], events: [], heard: [] };
  for (let time = 0; time < Number(options.rounds); time++) {
    for (const [name, kind] of Object.entries(kinds)) rates[name].push(await drain(kind));
  }
  const beside = (name) => range(rates[name].map((rate, index) => rate / rates.silent[index]));
  return {
    tasksPerSecond: Object.fromEntries(Object.entries(rates).map(([name, list]) => [name, range(list)])),
    events: beside('events'),
    heard: beside('heard'),
  };
}

if (python === undefined) console.error('no Celery for Python here: no pings');
else results.ping = await pings();
results.throughput = await drains();
const text = JSON.stringify(results, undefined, 2);
console.log(text);
if (options.json !== undefined) {
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${text}\n`);
}
