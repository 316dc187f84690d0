/**
 * How many tasks a second a worker takes out of a queue that was filled beforehand. The clock runs from the first tenth
 * of the tasks done to the last, so that no process's start-up counts.
 */
import { hasEnded, stop } from './processes.mjs';
import { peers } from './peers.mjs';
import { whenReached, withRedis } from './redis.mjs';

const DEADLINE_MS = 300_000;

/** From the first tenth of `count` done to the last. `done` may count a few too few: the last twenty are not waited for. */
export async function rateOf(done, count, worker) {
  const isAlive = () => worker === undefined || !hasEnded(worker);
  try {
    const first = await whenReached(done, count / 10, DEADLINE_MS, isAlive);
    const last = await whenReached(done, count - 20, DEADLINE_MS, isAlive);
    return ((last.done - first.done) / (last.at - first.at)) * 1000;
  } catch (error) {
    throw new Error(`${error.message} ${worker?.said ?? ''}`, { cause: error });
  }
}

/** The same beside a worker that has worked before, to the very last, and what processor time each took. */
export async function drainBeside(done, count, cpuMs) {
  const first = await whenReached(done, count / 10, DEADLINE_MS);
  const cpuBefore = cpuMs();
  const last = await whenReached(done, count, DEADLINE_MS);
  const tasks = Math.max(last.done - first.done, 1);
  return { perSecond: (tasks / Math.max(last.at - first.at, 1)) * 1000, cpuMs: (cpuMs() - cpuBefore) / tasks };
}

/** The rate of one peer on a Redis of its own. */
export function drainPeer(name, count, job = {}, redisOptions = {}) {
  const peer = peers[name];
  const share = Math.max(Math.min(count, 500), Math.round(count * (peer.share ?? 1)));
  return withRedis(async (redis) => {
    await peer.fill(redis, share, job);
    const worker = peer.worker(redis, job);
    try {
      const rate = await rateOf(() => peer.done(redis, share, job), share, worker);
      await checkOneResult(redis);
      return rate;
    } finally {
      await stop(worker);
    }
  }, redisOptions);
}

/** Failing fast is no achievement. */
async function checkOneResult({ client }) {
  const [, keys] = await client.scan('0', 'MATCH', 'celery-task-meta-*', 'COUNT', '1000');
  const text = keys.length === 0 ? 'SUCCESS' : await client.get(keys[0]);
  if (!text.includes('SUCCESS')) throw new Error(`tasks fail: ${text}`);
}
