/**
 * Drain: a queue filled beforehand, one worker process, results stored. For each peer the clock runs from
 * the first tenth of the tasks done to the last, so that no process's start-up counts. The peers take turns,
 * round by round, because a shared machine drifts; medians and ratios are what to quote.
 *
 *   node bench/drain.mjs [--tasks 20000] [--rounds 5] [--peers ctq,bee-queue,bullmq,celery] [--json file]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import BeeQueue from 'bee-queue';
import { Queue as BullQueue } from 'bullmq';
import { startRedis, whenReached } from './lib/redis.mjs';
import { median, spread } from './lib/stats.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    tasks: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
    peers: { type: 'string', default: 'ctq,bee-queue,bullmq,celery' },
    json: { type: 'string' },
  },
});
const tasks = Number(options.tasks);
const rounds = Number(options.rounds);

const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import celery, redis']).status === 0);

const peers = {
  ctq: {
    fill: fillCelery,
    done: countResults,
    worker: (redis) => run(process.execPath, [join(here, '../bin/ctq.js'), 'worker', '-A', 'tasks', '-b', redis.url, '-l', 'warning']),
  },
  'bee-queue': {
    async fill(redis) {
      const queue = new BeeQueue('bench', { redis: { host: '127.0.0.1', port: redis.port }, isWorker: false, getEvents: false });
      for (let from = 0; from < tasks; from += 1000) {
        await queue.saveAll(Array.from({ length: Math.min(1000, tasks - from) }, (_, i) => queue.createJob({ x: from + i, y: 1 })));
      }
      await queue.close();
    },
    done: (redis) => redis.client.scard('bq:bench:succeeded'),
    worker: (redis) => run(process.execPath, [join(here, 'peers/bee-queue-worker.mjs'), String(redis.port)]),
  },
  bullmq: {
    async fill(redis) {
      const queue = new BullQueue('bench', { connection: { host: '127.0.0.1', port: redis.port } });
      for (let from = 0; from < tasks; from += 1000) {
        await queue.addBulk(Array.from({ length: Math.min(1000, tasks - from) }, (_, i) => ({ name: 'add', data: { x: from + i, y: 1 } })));
      }
      await queue.close();
    },
    done: (redis) => redis.client.zcard('bull:bench:completed'),
    worker: (redis) => run(process.execPath, [join(here, 'peers/bullmq-worker.mjs'), String(redis.port)]),
  },
  celery: {
    fill: fillCelery,
    done: countResults,
    worker: (redis) => run(python, ['-m', 'celery', '-A', 'tasks', 'worker', '-c', '2', '-l', 'warning'], { BENCH_URL: redis.url }),
  },
};

/** Celery's own messages, written by ctq's client: both workers drain the same bytes. */
async function fillCelery(redis) {
  const { Ctq } = await import('../dist/index.js');
  const app = new Ctq('bench', { brokerUrl: redis.url, resultBackend: redis.url });
  for (let from = 0; from < tasks; from += 1000) {
    const sent = Array.from({ length: Math.min(1000, tasks - from) }, (_, i) => app.sendTask('tasks.add', [from + i, 1]));
    await Promise.all(sent.map((task) => task.published));
  }
  await app.close();
}

/** Result keys, whatever else is in the database: the four or five keys of the engine are below the noise. */
async function countResults(redis) {
  return (await redis.client.dbsize()) - 12;
}

function run(command, args, env = {}) {
  return spawn(command, args, { cwd: join(here, 'peers'), stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } });
}

async function drain(name) {
  const peer = peers[name];
  const redis = await startRedis();
  let worker;
  try {
    await peer.fill(redis);
    worker = peer.worker(redis);
    const first = await whenReached(() => peer.done(redis), tasks / 10, 120_000);
    const last = await whenReached(() => peer.done(redis), tasks - 20, 120_000);
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  } finally {
    if (worker !== undefined && worker.exitCode === null) {
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
    await redis.stop();
  }
}

const names = options.peers.split(',').filter((name) => name !== 'celery' || python !== undefined);
const rates = Object.fromEntries(names.map((name) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const name of names) {
    const rate = await drain(name);
    rates[name].push(rate);
    process.stderr.write(`round ${round}/${rounds}  ${name.padEnd(10)} ${Math.round(rate).toLocaleString('en-GB')} tasks/s\n`);
  }
}

console.log(
  `\ndrain of ${tasks.toLocaleString('en-GB')} tasks.add, one worker process, results stored (tasks/s: median, least–most of ${rounds})`,
);
for (const name of names) {
  const ratio = name === 'ctq' || !rates.ctq ? '' : `   ctq is ${(median(rates.ctq.map((rate, i) => rate / rates[name][i]))).toFixed(2)} ×`;
  console.log(`  ${name.padEnd(10)} ${spread(rates[name])}${ratio}`);
}
if (options.json !== undefined) {
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify({ scenario: 'drain', tasks, rounds, node: process.version, rates }, null, 2)}\n`);
}
