/** Sending tasks: one after the other, a thousand callers at once, and in bulk, from one process. */
import { join } from 'node:path';
import { python } from '../lib/peers.mjs';
import { finished, PEERS, start, withFolder } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';

export const title = 'Sending tasks from one process';
export const sizes = { full: { tasks: 100_000, alone: 5000 }, check: { rounds: 3 }, quick: { tasks: 500, alone: 100 } };

const MODES = [
  { mode: 'alone', name: 'one by one, each awaited before the next', peers: ['ctq', 'bullmq', 'bee-queue', 'celery', 'sidekiq'] },
  { mode: 'flight', name: 'one by one, 1,000 callers at once', peers: ['ctq', 'bullmq', 'bee-queue'] },
  { mode: 'bulk', name: 'in bulk, 1,000 at a time', peers: ['ctq', 'bullmq', 'bee-queue', 'sidekiq'] },
];
/** Tasks a second that were promised of ctq on a machine of two cores. */
const WANTED = { flight: 30_000, bulk: 100_000 };

function program(peer, mode, url, count) {
  if (peer === 'celery') return start(python, [join(PEERS, 'enqueue.py'), String(count)], { env: { BENCH_URL: url } });
  if (peer === 'sidekiq') return start('ruby', [join(PEERS, 'enqueue.rb'), mode, String(count)], { env: { REDIS_URL: url } });
  return start(process.execPath, [join(PEERS, 'enqueue.mjs'), peer, mode, url, String(count)]);
}

async function rate(peer, mode, url, count) {
  const said = await finished(program(peer, mode, url, count));
  const figure = Number(said.trim().split('\n').at(-1));
  if (!(figure > 0)) throw new Error(`${peer}: ${said}`);
  return figure;
}

const rateOnSqlite = (mode, count, sync) =>
  withFolder((folder) => rate('ctq', mode, `sqlite://${join(folder, 'ctq.db')}?sync=${sync}`, count));

export async function run({ size, record, names, turns }) {
  for (const { mode, name, peers } of MODES) {
    const count = mode === 'alone' ? size.alone : size.tasks;
    const rates = await turns(name, names(peers), (peer) => withRedis((redis) => rate(peer, mode, redis.url, count)), 'tasks/s');
    record.group(name, { unit: 'tasks/s', rows: rates, wanted: mode in WANTED ? { ctq: WANTED[mode] } : {} });
    for (const peer of peers.slice(1)) record.ratio(`${name}: ctq / ${peer}`, rates.ctq, rates[peer]);
  }
  if (names(['ctq']).length === 0) return;
  const rows = { 'ctq, 1,000 callers, normal': ['flight', 'normal'], 'ctq, 1,000 callers, full': ['flight', 'full'] };
  const rates = await turns(
    'into SQLite',
    Object.keys(rows),
    (row) => rateOnSqlite(rows[row][0], Math.ceil(size.tasks / 2), rows[row][1]),
    'tasks/s',
  );
  record.group('into an SQLite file', { unit: 'tasks/s', rows: rates });
}
