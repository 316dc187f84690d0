/** Tasks that wait for somebody else: a hundred at once, 50 ms each; more than 2,000 a second nobody can do. */
import { drainPeer } from '../lib/drain.mjs';

export const title = 'A hundred tasks at once that wait 50 ms each';
export const sizes = { full: { tasks: 10_000 }, check: { tasks: 5000 }, quick: { tasks: 400 } };

const SLOTS = 100;
const PEERS = ['ctq', 'bullmq', 'bee-queue', 'celery', 'celery-node', 'sidekiq'];

export async function run({ size, record, names, turns }) {
  const job = { task: 'wait', slots: SLOTS };
  const rates = await turns('waiting', names(PEERS), (name) => drainPeer(name, size.tasks, job), 'tasks/s');
  record.group('waiting 50 ms, 100 slots', { unit: 'tasks/s', rows: rates });
  record.remark('celery-node knows no limit: it runs whatever it has taken. Celery runs a pool of 100 threads.');
  const most = (SLOTS / 50) * 1000;
  if (rates.ctq !== undefined) {
    record.ratio(
      'ctq / what a hundred slots can do',
      rates.ctq,
      rates.ctq.map(() => most),
    );
  }
  for (const name of PEERS.slice(1)) record.ratio(`ctq / ${name}`, rates.ctq, rates[name]);
}
