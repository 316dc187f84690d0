/**
 * Who is compared: how each is filled, started and counted. `job` says what is measured: `task` (add or wait), `results`
 * (kept or not), `acks` (late or early), `slots` (how many at once), each where the peer has it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import BeeQueue from 'bee-queue';
import { Queue as BullQueue } from 'bullmq';
import { countResults, fillQueue, remaining } from './messages.mjs';
import { BENCH, CTQ, PEERS, start, succeeds } from './processes.mjs';

const PAGE = 1000;

export const python = ['/usr/bin/python3', 'python3'].find((name) => succeeds(name, ['-c', 'import celery, redis']));

/** What the task modules of ctq and of Celery read; see peers/tasks.ts and peers/tasks.py. */
export function taskEnv({ results = true, acks = 'late', tasks = 0 } = {}, url = '') {
  return { BENCH_URL: url, BENCH_RESULTS: results ? 'on' : 'off', BENCH_ACKS: acks, BENCH_TASKS: String(tasks) };
}

/** A ctq worker; `words` are further options of `ctq worker`. */
export function startCtqWorker(url, { words = [], loglevel = 'warning', cwd, ...job } = {}) {
  const args = [CTQ, 'worker', '-A', 'tasks', '-b', url, '-l', loglevel, ...words];
  return start(process.execPath, args, { cwd, env: taskEnv(job) });
}

export function startCeleryWorker(url, { words = ['-c', '2'], loglevel = 'warning', ...job } = {}) {
  const args = ['-m', 'celery', '-A', 'tasks', 'worker', '-l', loglevel, ...words];
  return start(python, args, { env: taskEnv(job, url) });
}

const celeryMessages = {
  fill: (redis, count, { task = 'add', results = true }) => fillQueue(redis, count, { task: `tasks.${task}`, ignoreResult: !results }),
  done: async (redis, count, { results = true }) => (results ? countResults(redis) : count - (await remaining(redis))),
};

function nodePeer(program, version) {
  return {
    version: () => version,
    missing: () => undefined,
    worker: (redis, { task = 'add', slots = 100 } = {}) =>
      start(process.execPath, [join(PEERS, program), String(redis.port), task, String(slots)]),
  };
}

async function pages(count, send) {
  for (let from = 0; from < count; from += PAGE) await send(Array.from({ length: Math.min(PAGE, count - from) }, (_, i) => from + i));
}

async function lengths(redis, ...lists) {
  return (await Promise.all(lists.map((list) => redis.client.llen(list)))).reduce((sum, length) => sum + length, 0);
}

export const peers = {
  ctq: {
    ...celeryMessages,
    version: () => JSON.parse(readFileSync(join(BENCH, '..', 'package.json'), 'utf8')).version,
    missing: () => undefined,
    worker: (redis, { slots, ...job } = {}) =>
      startCtqWorker(redis.url, { ...job, words: slots === undefined ? [] : ['-c', String(slots)] }),
  },

  /** The ceiling: see peers/bare-loop.mjs. */
  bare: { ...nodePeer('bare-loop.mjs', ''), ...celeryMessages },

  bullmq: {
    ...nodePeer('bullmq-worker.mjs', packageVersion('bullmq')),
    async fill(redis, count, { task = 'add', results = true }) {
      const queue = new BullQueue('bench', { connection: { host: '127.0.0.1', port: redis.port } });
      const opts = results ? {} : { removeOnComplete: true };
      await pages(count, (page) => queue.addBulk(page.map((x) => ({ name: task, data: { x, y: 1 }, opts }))));
      await queue.close();
    },
    done: async (redis, count, { results = true }) =>
      results ? redis.client.zcard('bull:bench:completed') : count - (await lengths(redis, 'bull:bench:wait', 'bull:bench:active')),
  },

  'bee-queue': {
    ...nodePeer('bee-queue-worker.mjs', packageVersion('bee-queue')),
    async fill(redis, count) {
      const queue = new BeeQueue('bench', { redis: { host: '127.0.0.1', port: redis.port }, isWorker: false, getEvents: false });
      await pages(count, (page) => queue.saveAll(page.map((x) => queue.createJob({ x, y: 1 }))));
      await queue.close();
    },
    worker: (redis, { task = 'add', slots = 100, results = true } = {}) =>
      start(process.execPath, [
        join(PEERS, 'bee-queue-worker.mjs'),
        String(redis.port),
        task,
        String(slots),
        ...(results ? [] : ['remove']),
      ]),
    done: async (redis, count, { results = true }) =>
      results ? redis.client.scard('bq:bench:succeeded') : count - (await lengths(redis, 'bq:bench:waiting', 'bq:bench:active')),
  },

  celery: {
    ...celeryMessages,
    /** Slow enough that a part of the tasks tells its rate. */
    share: 0.2,
    version: () => `${said(python, ['-c', 'import celery; print(celery.__version__)'])}, ${said(python, ['--version'])}`,
    missing: () => (python === undefined ? 'no Python with celery and redis' : undefined),
    worker: (redis, { slots, ...job } = {}) =>
      startCeleryWorker(redis.url, { ...job, words: slots === undefined ? ['-c', '2'] : ['-P', 'threads', '-c', String(slots)] }),
  },

  /** Takes one message at a time by BRPOP, so that a kill loses it; no late acknowledgement, no prefetch, no publish of results. */
  'celery-node': {
    ...celeryMessages,
    ...nodePeer('celery-node-worker.mjs', packageVersion('celery-node')),
    share: 0.2,
    missing: () => (existsSync(join(BENCH, 'node_modules', 'celery-node')) ? undefined : 'not installed'),
  },

  /** Keeps no results and takes by BRPOP: what it is working on is lost with it. */
  sidekiq: {
    share: 0.5,
    version: () => said('sidekiq', ['--version']).replace(/^sidekiq /i, ''),
    missing: () => (succeeds('sidekiq', ['--version']) ? undefined : 'not installed'),
    async fill(redis, count, { task = 'add' }) {
      await redis.client.sadd('queues', 'bench');
      const name = task === 'add' ? 'Add' : 'Wait';
      await pages(count, (page) => redis.client.lpush('queue:bench', ...page.map((x) => sidekiqJob(name, x))));
    },
    done: async (redis, count) => count - (await redis.client.llen('queue:bench')),
    worker: (redis, { slots = 10 } = {}) =>
      start('sidekiq', ['-q', 'bench', '-c', String(slots), '-r', join(PEERS, 'sidekiq-worker.rb')], { env: { REDIS_URL: redis.url } }),
  },
};

function sidekiqJob(name, x) {
  const now = Date.now() / 1000;
  const jid = x.toString(16).padStart(24, '0');
  return JSON.stringify({ class: name, args: [x, 1], retry: true, queue: 'bench', jid, created_at: now, enqueued_at: now });
}

function packageVersion(name) {
  try {
    return JSON.parse(readFileSync(join(BENCH, 'node_modules', name, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

function said(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout.trim();
}
