/** Drain: a queue filled beforehand, one worker process; and what the same costs with stores that survive more. */
import { drainPeer } from '../lib/drain.mjs';
import { drainSqlite } from '../lib/sqlite.mjs';

export const title = 'Draining a queue with one worker process';
export const sizes = { full: { tasks: 50_000 }, check: { rounds: 3 }, quick: { tasks: 500 } };

const VARIANTS = [
  {
    name: 'late acknowledgement, results stored',
    job: { acks: 'late', results: true },
    peers: ['ctq', 'bare', 'bullmq', 'bee-queue', 'celery', 'celery-node'],
    wanted: { bare: 0.7, celery: 40 },
  },
  { name: 'early acknowledgement, results stored', job: { acks: 'early', results: true }, peers: ['ctq', 'celery'], wanted: {} },
  {
    name: 'no results',
    job: { acks: 'late', results: false },
    peers: ['ctq', 'bullmq', 'bee-queue', 'celery', 'sidekiq'],
    wanted: {},
  },
];

/** What survives a power cut: nothing; all but the last second; everything; see docs/performance.md. */
const STORES = {
  'ctq, Redis in memory': (tasks) => drainPeer('ctq', tasks),
  'ctq, Redis AOF everysec': (tasks) => drainPeer('ctq', tasks, {}, { appendfsync: 'everysec' }),
  'ctq, Redis AOF always': (tasks) => drainPeer('ctq', tasks, {}, { appendfsync: 'always' }),
  'ctq, SQLite sync=normal': (tasks) => drainSqlite(tasks, 'normal'),
  'ctq, SQLite sync=full': (tasks) => drainSqlite(tasks, 'full'),
};

/** Tasks a second that were promised of an SQLite file on a machine of two cores. */
const WANTED_OF_STORES = { 'ctq, SQLite sync=full': 15_000 };

export async function run({ size, record, names, turns }) {
  const { tasks } = size;
  for (const variant of VARIANTS) {
    const rates = await turns(variant.name, names(variant.peers), (name) => drainPeer(name, tasks, variant.job), 'tasks/s');
    record.group(variant.name, { unit: 'tasks/s', rows: rates });
    const { bullmq, 'bee-queue': bee } = rates;
    if (variant.job.results && bullmq !== undefined && bee !== undefined) {
      const faster = bullmq.map((rate, round) => Math.max(rate, bee[round] ?? 0));
      record.ratio(`${variant.name}: ctq / the faster of bullmq and bee-queue`, rates.ctq, faster, { wanted: 2.5 });
    }
    for (const name of variant.peers.slice(1)) {
      record.ratio(`${variant.name}: ctq / ${name}`, rates.ctq, rates[name], { wanted: variant.wanted[name] });
    }
  }
  record.remark(`Celery and celery-node drain a fifth of the tasks, Sidekiq half: their rates do not depend on it.`);
  record.remark(
    'celery-node and Sidekiq take with BRPOP: what they hold is lost with them. celery-node is silenced; by default it prints two lines a task.',
  );
  record.remark('bare is a loop of sixty lines without any safety (bench/peers/bare-loop.mjs): the ceiling.');
  if (names(['ctq']).length === 0) return;
  const stores = await turns('stores', Object.keys(STORES), (name) => STORES[name](tasks), 'tasks/s');
  record.group('what each store costs, results stored', { unit: 'tasks/s', rows: stores, wanted: WANTED_OF_STORES });
  const memory = stores['ctq, Redis in memory'];
  for (const name of Object.keys(STORES).slice(1)) record.ratio(`${name} / Redis in memory`, stores[name], memory);
}
