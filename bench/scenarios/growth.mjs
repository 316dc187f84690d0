/** How cost grows: with the length of the queue, the number of queues, the size of messages, worker processes, registered tasks. */
import { fillQueue, remaining } from '../lib/messages.mjs';
import { startCtqWorker } from '../lib/peers.mjs';
import { hasEnded, stop } from '../lib/processes.mjs';
import { whenReached, withRedis } from '../lib/redis.mjs';
import { median, rounded } from '../lib/stats.mjs';

export const title = 'How cost grows';
export const sizes = {
  full: {
    rounds: 5,
    tasks: 50_000,
    /** So many tasks a worker has run before it is measured: a queue of a thousand would measure its start alone. */
    warm: 5000,
    lengths: [1000, 10_000, 100_000, 1_000_000],
    queues: [1, 10, 50, 200],
    bytes: [100, 1000, 10_000, 100_000, 1_000_000],
    workers: [1, 2, 3, 4],
    registered: [3, 200, 2000],
    /** So much is sent at most, or large messages would fill the machine. */
    megabytes: 200,
  },
  check: {
    rounds: 3,
    tasks: 10_000,
    lengths: [1000, 100_000],
    queues: [1, 50],
    bytes: [100, 10_000],
    workers: [1, 2],
    registered: [3, 2000],
  },
  quick: {
    tasks: 300,
    warm: 100,
    lengths: [300, 1000],
    queues: [1, 5],
    bytes: [100, 10_000],
    workers: [1, 2],
    registered: [3, 50],
    megabytes: 2,
  },
};

const DEADLINE_MS = 300_000;

/**
 * Tasks a second from the moment when the queues appear, full, to the end of the first `count` tasks; what lies behind them
 * stays. The workers are there before, and warm.
 */
function drain({ warm, count, length = count, queues = 1, bytes, workers = 1, registered = 0 }) {
  return withRedis(async (redis) => {
    const names = queues === 1 ? ['celery'] : Array.from({ length: queues }, (_, index) => `queue-${index}`);
    const words = queues === 1 ? [] : ['-Q', names.join(',')];
    const started = Array.from({ length: workers }, (_, index) =>
      startCtqWorker(redis.url, { tasks: registered, words: [...words, '-n', `w${index}@bench`] }),
    );
    const isAlive = () => !started.some(hasEnded);
    try {
      // A message is some 900 bytes with nothing in it; the argument is what is varied.
      const message = bytes === undefined ? {} : { args: ['x'.repeat(bytes), 'y'] };
      for (const name of names) {
        await fillQueue(redis, Math.ceil(length / queues), { ...message, queue: name }, `staged:${name}`);
      }
      await whenReached(() => consumers(redis), workers, DEADLINE_MS, isAlive);
      await fillQueue(redis, warm * workers, { queue: names[0] });
      await whenReached(async () => warm * workers - (await remaining(redis, names[0])), warm * workers, DEADLINE_MS, isAlive);

      // A queue that runs empty is a key less.
      const before = (await redis.client.dbsize()) - names.length;
      const from = performance.now();
      const pipeline = redis.client.pipeline();
      for (const name of names) pipeline.rename(`staged:${name}`, name);
      await pipeline.exec();
      const { at, done } = await whenReached(async () => (await redis.client.dbsize()) - before, count - 20, DEADLINE_MS, isAlive);
      return (done / (at - from)) * 1000;
    } finally {
      await Promise.all(started.map((worker) => stop(worker)));
    }
  });
}

/** A worker that consumes has a connection of that name. */
async function consumers({ client }) {
  return (await client.client('LIST')).split(' name=ctq-leases-').length - 1;
}

export async function run({ size, record, turns }) {
  const { tasks, megabytes, warm } = size;
  const list = (value) => [value].flat();
  const axes = {
    'length of the queue': {
      values: list(size.lengths),
      x: 'messages in the queue',
      measure: (length) => drain({ warm, count: Math.min(length, tasks), length }),
    },
    'number of queues': { values: list(size.queues), x: 'queues', measure: (queues) => drain({ warm, count: tasks, queues }) },
    'size of the argument': {
      values: list(size.bytes),
      x: 'bytes',
      // The result is as large again.
      measure: (bytes) => drain({ warm, count: Math.max(100, Math.min(tasks, Math.floor((megabytes * 1e6) / bytes))), bytes }),
    },
    'worker processes': {
      values: list(size.workers),
      x: 'processes',
      measure: (workers) => drain({ warm, count: tasks * workers, workers }),
    },
    'registered tasks': {
      values: list(size.registered),
      x: 'tasks',
      measure: (registered) => drain({ warm, count: tasks, registered: registered - 3 }),
    },
  };
  for (const [axis, { values, x, measure }] of Object.entries(axes)) {
    const nameOf = (value) => `ctq, ${value.toLocaleString('en-GB')}`;
    const byName = Object.fromEntries(values.map((value) => [nameOf(value), value]));
    const rates = await turns(axis, Object.keys(byName), (name) => measure(byName[name]), 'tasks/s');
    record.group(axis, { unit: 'tasks/s', rows: rates });
    const series = { 'tasks/s': values.map((value) => [value, rounded(median(rates[nameOf(value)]))]) };
    record.curve(axis, { x, y: 'tasks/s', scaleX: axis === 'worker processes' ? 'linear' : 'log', series });
    const first = rates[nameOf(values[0])];
    for (const value of values.slice(1)) record.ratio(`${axis}: ${value} / ${values[0]}`, rates[nameOf(value)], first);
  }
}
