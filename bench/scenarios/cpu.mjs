/** The pools of a worker side by side: what a slot costs, what a tiny task costs, and what computing gains on the cores there are. */
import { drainBeside } from '../lib/drain.mjs';
import { fillQueue } from '../lib/messages.mjs';
import { startCtqWorker } from '../lib/peers.mjs';
import { familyCpuMs, familyMb, stop, whenSaid } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';

export const title = 'Computing tasks, by pool';
export const sizes = {
  full: { pools: ['async', 'threads', 'prefork', 'solo'], tasks: 10_000, computed: 60 },
  check: { tasks: 5000, computed: 40 },
  quick: { tasks: 300, computed: 30 },
};

async function measure(pool, { tasks, computed }) {
  return withRedis(async (redis) => {
    const startedAt = performance.now();
    const worker = startCtqWorker(redis.url, { loglevel: 'info', words: ['-P', pool] });
    try {
      await whenSaid(worker, ' ready.');
      const readyMs = performance.now() - startedAt;
      const drain = async (task, count, argsOf) => {
        const before = await countedResults(redis);
        await fillQueue(redis, count, (index) => ({ task, args: argsOf(index) }));
        return drainBeside(
          async () => (await countedResults(redis)) - before,
          count,
          () => familyCpuMs(worker.pid),
        );
      };
      // A child is not measured by its first tasks.
      await drain('tasks.compute', 10, (seed) => [seed]);
      const busy = await drain('tasks.compute', computed, (seed) => [seed]);
      const tiny = await drain('tasks.add', tasks, (x) => [x, 1]);
      return {
        'until ready': readyMs,
        'memory of all processes': familyMb(worker.pid),
        'tiny tasks': tiny.perSecond,
        'processor time of a tiny task': tiny.cpuMs * 1000,
        'tasks that compute': busy.perSecond,
      };
    } finally {
      await stop(worker, 'SIGTERM');
    }
  });
}

/** Exactly, for there are few of them. */
function countedResults({ client }) {
  return client.eval("return #redis.call('KEYS', 'celery-task-meta-*')", 0);
}

const GROUPS = {
  'tasks that compute': { unit: 'tasks/s', better: 'more' },
  'tiny tasks': { unit: 'tasks/s', better: 'more' },
  'processor time of a tiny task': { unit: 'µs', better: 'less' },
  'memory of all processes': { unit: 'MB', better: 'less' },
  'until ready': { unit: 'ms', better: 'less' },
};

export async function run({ size, record, turns }) {
  const pools = [size.pools].flat();
  const measured = await turns(
    'pools',
    pools.map((pool) => `ctq ${pool}`),
    (name) => measure(name.slice(4), size),
  );
  const rowsOf = (figure) => Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, list.map((one) => one[figure])]));
  for (const [figure, { unit, better }] of Object.entries(GROUPS)) record.group(figure, { unit, better, rows: rowsOf(figure) });
  const rates = rowsOf('tasks that compute');
  for (const pool of pools.filter((pool) => pool !== 'solo')) {
    record.ratio(`tasks that compute: ${pool} / solo`, rates[`ctq ${pool}`], rates['ctq solo']);
  }
}
