/** Round trip: one task sent, run and its result received, one after the other, on an idle queue. */
import { join } from 'node:path';
import { peers, python, startCeleryWorker, startCtqWorker } from '../lib/peers.mjs';
import { finished, PEERS, start, stop, whenSaid } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';

export const title = 'Round trip of one task';
export const sizes = { full: { calls: 2000 }, check: { calls: 1000 }, quick: { calls: 20 } };

const fromNode = (peer) => (redis, calls) => start(process.execPath, [join(PEERS, 'latency.mjs'), peer, redis.url, String(calls)]);
const fromPython = (redis, calls) => start(python, [join(PEERS, 'latency.py'), String(calls)], { env: { BENCH_URL: redis.url } });
const ctqWorker = async ({ url }) => {
  const worker = startCtqWorker(url, { loglevel: 'info' });
  await whenSaid(worker, ' ready.');
  return worker;
};
const soloWorker = async ({ url }) => {
  const worker = startCeleryWorker(url, { words: ['-P', 'solo'], loglevel: 'info' });
  await whenSaid(worker, ' ready.');
  return worker;
};

/** Who asks whom: [client, worker, the peer that must be there]. */
const WAYS = {
  'ctq → ctq': [fromNode('ctq'), ctqWorker, 'ctq'],
  'Python → ctq': [fromPython, ctqWorker, 'celery'],
  'Python → Python solo': [fromPython, soloWorker, 'celery'],
  'ctq → Python solo': [fromNode('ctq'), soloWorker, 'celery'],
  bullmq: [fromNode('bullmq'), (redis) => peers.bullmq.worker(redis), 'bullmq'],
  'bee-queue': [fromNode('bee-queue'), (redis) => peers['bee-queue'].worker(redis), 'bee-queue'],
  'Redis PING': [fromNode('ping'), () => undefined, undefined],
};

function roundTrip(way, calls) {
  const [client, worker] = WAYS[way];
  return withRedis(async (redis) => {
    const process = await worker(redis);
    try {
      return JSON.parse((await finished(client(redis, calls))).trim().split('\n').at(-1));
    } finally {
      await stop(process);
    }
  });
}

export async function run({ size, record, names, turns }) {
  const here = names(['ctq', 'celery', 'bullmq', 'bee-queue']);
  const ways = Object.keys(WAYS).filter((way) => WAYS[way][2] === undefined || here.includes(WAYS[way][2]));
  const p99 = Object.fromEntries(ways.map((way) => [way, []]));
  const lost = {};
  const p50 = await turns(
    'round trip, p50',
    ways,
    async (way) => {
      const times = await roundTrip(way, size.calls);
      p99[way].push(times.p99);
      lost[way] = (lost[way] ?? 0) + (times.lost ?? 0);
      return times.p50;
    },
    'ms',
  );
  for (const [way, count] of Object.entries(lost)) if (count > 0) record.fact(`${way}: ends never heard of`, count);
  record.group('p50', { unit: 'ms', better: 'less', rows: p50 });
  record.group('p99', { unit: 'ms', better: 'less', rows: p99 });
  const ratio = (ours, theirs, wanted) => record.ratio(`p50: ${ours} / ${theirs}`, p50[ours], p50[theirs], { better: 'less', wanted });
  ratio('Python → ctq', 'Python → Python solo', 0.8);
  ratio('ctq → ctq', 'Redis PING', 12);
  ratio('ctq → ctq', 'Python → Python solo');
  ratio('ctq → ctq', 'bullmq');
  ratio('ctq → ctq', 'bee-queue');
}
