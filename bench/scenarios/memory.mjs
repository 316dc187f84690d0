/**
 * Memory: a worker that has nothing to do, one that works, and one that has run a million tasks. What grows with the number of
 * tasks is a leak, so the soak samples all the way, and says how much the second half added to the first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fillQueue, remaining } from '../lib/messages.mjs';
import { peers, startCtqWorker } from '../lib/peers.mjs';
import { familyMb, hasEnded, residentMb, stop } from '../lib/processes.mjs';
import { startRedis, withRedis } from '../lib/redis.mjs';
import { note } from '../lib/rounds.mjs';
import { median, rounded } from '../lib/stats.mjs';

export const title = 'Memory of a worker';
export const sizes = {
  full: { idleS: 30, tasks: 1_000_000, sampleS: 5, pool: 'async', loaded: 50_000, rounds: 5 },
  check: { idleS: 10, tasks: 100_000, sampleS: 1, loaded: 20_000, rounds: 3 },
  quick: { idleS: 1, tasks: 3000, sampleS: 0.2, loaded: 500 },
};

const FEED = 20_000;

/** A worker on a Redis of its own, with nothing to do. */
async function open(name) {
  const redis = await startRedis();
  return { peer: peers[name], redis, worker: peers[name].worker(redis, {}) };
}

/** Those who do nothing are in nobody's way: in each round all idle together, and are loaded one after the other. */
function idleRounds(names, { idleS }) {
  const rounds = new Map();
  const begin = async () => {
    const opened = await Promise.all(names.map(open));
    await sleep(idleS * 1000);
    return new Map(
      names.map((name, index) => {
        const { worker } = opened[index];
        return [name, { ...opened[index], idle: residentMb(worker.pid), idleFamily: familyMb(worker.pid) }];
      }),
    );
  };
  return async (name, round) => {
    if (!rounds.has(round)) rounds.set(round, begin());
    return (await rounds.get(round)).get(name);
  };
}

/** The most resident memory while a queue is drained, beside that of before. */
async function loaded({ peer, redis, worker, idle, idleFamily }, count) {
  try {
    if (hasEnded(worker)) throw new Error(worker.said);
    await peer.fill(redis, count, {});
    let most = idle;
    for (const giveUpAt = Date.now() + 300_000; (await peer.done(redis, count, {})) < count - 20; await sleep(50)) {
      most = Math.max(most, residentMb(worker.pid));
      if (hasEnded(worker) || Date.now() > giveUpAt) throw new Error(`does not end: ${worker.said}`);
    }
    return { idle, idleFamily, most };
  } finally {
    await stop(worker);
    await redis.stop();
  }
}

/** Feeds a worker until `tasks` are done. Results are dropped on the way: Redis is not what is measured. */
function soak({ tasks, sampleS, pool }, quick) {
  return withRedis(async (redis) => {
    const worker = startCtqWorker(redis.url, { words: ['-P', pool] });
    const samples = [];
    const began = performance.now();
    let sent = 0;
    let nextSampleAt = 0;
    let nextNoteAt = 60;
    try {
      await sleep(quick ? 1000 : 5000);
      for (;;) {
        const left = await remaining(redis);
        const done = sent - left;
        const seconds = (performance.now() - began) / 1000;
        if (seconds >= nextSampleAt || done >= tasks) {
          samples.push({
            seconds: rounded(seconds),
            done,
            residentMb: rounded(residentMb(worker.pid)),
            familyMb: rounded(familyMb(worker.pid)),
          });
          nextSampleAt = seconds + sampleS;
        }
        if (seconds >= nextNoteAt) {
          note(`soak: ${done} tasks done, ${samples.at(-1).residentMb} MB`);
          nextNoteAt += 60;
        }
        if (done >= tasks) return samples;
        if (hasEnded(worker)) throw new Error(`the worker ended after ${done} tasks: ${worker.said}`);
        if (left < FEED / 2 && sent < tasks) {
          const more = Math.min(FEED, tasks - sent);
          await fillQueue(redis, more);
          sent += more;
          await dropResults(redis);
        }
        await sleep(20);
      }
    } finally {
      await stop(worker);
    }
  });
}

async function dropResults({ client }) {
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', 'celery-task-meta-*', 'COUNT', '2000');
    if (keys.length > 0) await client.unlink(...keys);
    cursor = next;
  } while (cursor !== '0');
}

export async function run({ size, record, names, turns, quick }) {
  const measuredNames = names(['ctq', 'bullmq', 'bee-queue', 'celery', 'sidekiq']);
  const idling = idleRounds(measuredNames, size);
  const measured = await turns('memory', measuredNames, async (name, round) => loaded(await idling(name, round), size.loaded));
  const rowsOf = (figure) => Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, list.map((one) => one[figure])]));
  const idle = rowsOf('idle');
  record.group(`resident, idle for ${size.idleS} s`, { unit: 'MB', better: 'less', rows: idle, wanted: { ctq: 70 } });
  record.group('all processes, idle, shared pages counted once', { unit: 'MB', better: 'less', rows: rowsOf('idleFamily') });
  const under = rowsOf('most');
  record.group('resident, the most while draining', { unit: 'MB', better: 'less', rows: under });
  for (const name of ['bullmq', 'bee-queue', 'celery', 'sidekiq']) {
    record.ratio(`idle: ctq / ${name}`, idle.ctq, idle[name], { better: 'less' });
    record.ratio(`draining: ctq / ${name}`, under.ctq, under[name], { better: 'less' });
  }
  record.remark('Celery is measured with two children; "resident" is its parent alone, "all processes" is all of it.');
  if (names(['ctq']).length === 0) return;

  const samples = await soak(size, quick);
  const between = (from, to) => samples.filter(({ done }) => done >= from * size.tasks && done <= to * size.tasks);
  const level = (from, to) => median(between(from, to).map(({ residentMb }) => residentMb));
  record.curve(`resident memory over ${size.tasks.toLocaleString('en-GB')} tasks, pool ${size.pool}`, {
    x: 'tasks done',
    y: 'MB',
    series: { resident: samples.map(({ done, residentMb }) => [done, residentMb]) },
  });
  record.fact('tasks done in the soak', samples.at(-1).done);
  record.fact('the soak took, s', samples.at(-1).seconds);
  record.fact('resident at its end, MB', samples.at(-1).residentMb);
  record.fact('the most, MB', Math.max(...samples.map(({ residentMb }) => residentMb)));
  if (between(0.2, 0.4).length > 0 && between(0.8, 1).length > 0) {
    record.fact('last fifth against second fifth, MB more', rounded(level(0.8, 1) - level(0.2, 0.4)));
  }
}
