/** Remote control: asking three workers, and what telling of each task (`-E`) costs a worker. */
import { Ctq } from '../../dist/index.js';
import { rateOf } from '../lib/drain.mjs';
import { countResults, fillQueue } from '../lib/messages.mjs';
import { python, startCtqWorker } from '../lib/peers.mjs';
import { CTQ, stop, timed, whenSaid } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';

export const title = 'Remote control and events';
export const sizes = { full: { tasks: 20_000, rounds: 11, workers: 3 }, check: { tasks: 10_000, rounds: 7 }, quick: { tasks: 500 } };

const KINDS = {
  'ctq, silent': { events: false, reader: false },
  'ctq -E': { events: true, reader: false },
  'ctq -E, and a reader': { events: true, reader: true },
};

async function pings({ size, record, names, turns }) {
  await withRedis(async (redis) => {
    const workers = Array.from({ length: size.workers }, (_, index) =>
      startCtqWorker(redis.url, { loglevel: 'info', words: ['-n', `w${index}@bench`] }),
    );
    try {
      await Promise.all(workers.map((worker) => whenSaid(worker, ' ready.')));
      const ping = (command, words) => {
        const { tookMs, stdout } = timed(command, [...words, '-b', redis.url, 'inspect', 'ping']);
        if (stdout.split('pong').length - 1 !== size.workers) throw new Error(`not all have answered: ${stdout}`);
        return tookMs;
      };
      const here = names(['ctq', 'celery']);
      if (here.includes('ctq')) ping(process.execPath, [CTQ]);
      const times = await turns(
        'inspect ping',
        here,
        (name) => (name === 'ctq' ? ping(process.execPath, [CTQ]) : ping(python, ['-m', 'celery'])),
        'ms',
      );
      record.group(`inspect ping, ${size.workers} workers`, { unit: 'ms', better: 'less', rows: times });
      record.ratio('inspect ping: ctq / celery', times.ctq, times.celery, { better: 'less', wanted: 0.12 });
    } finally {
      await Promise.all(workers.map((worker) => stop(worker)));
    }
  });
}

/** Tasks a second. A reader of the events, where there is one, is this process. */
function drain({ events, reader }, tasks) {
  return withRedis(async (redis) => {
    await fillQueue(redis, tasks);
    const app = new Ctq('bench', { brokerUrl: redis.url, resultBackend: redis.url });
    const stream = reader ? await app.events.receive(() => {}) : undefined;
    const worker = startCtqWorker(redis.url, { words: events ? ['-E'] : [] });
    try {
      return await rateOf(() => countResults(redis), tasks, worker);
    } finally {
      await stop(worker);
      await stream?.close();
      await app.close();
    }
  });
}

export async function run(bench) {
  await pings(bench);
  const { size, record, turns, names } = bench;
  if (names(['ctq']).length === 0) return;
  const rates = await turns('events', Object.keys(KINDS), (kind) => drain(KINDS[kind], size.tasks), 'tasks/s');
  record.group('draining, with events and without', { unit: 'tasks/s', rows: rates });
  for (const kind of Object.keys(KINDS).slice(1)) record.ratio(`${kind} / silent`, rates[kind], rates['ctq, silent']);
}
