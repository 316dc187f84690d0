/**
 * The operator's desk: what `ctq keys`, `ctq find` and `ctq queues` cost on a large estate beyond what they cost on an empty
 * Redis, and the longest command that they gave the server.
 */
import { randomUUID } from 'node:crypto';
import { fillQueue, resultText } from '../lib/messages.mjs';
import { CTQ, timed } from '../lib/processes.mjs';
import { startRedis } from '../lib/redis.mjs';
import { rounded } from '../lib/stats.mjs';

export const title = "The operator's commands on a large estate";
export const sizes = {
  full: { messages: 200_000, results: 20_000, rounds: 15 },
  check: { rounds: 7 },
  quick: { messages: 5000, results: 1000 },
};

const QUEUES = ['celery', 'mail', 'video', 'reports', 'slow'];
const PAGE = 1000;

/** @returns The ids of a result and of the message in the middle of the last queue. */
async function fill(redis, { messages, results }) {
  let waiting = '';
  for (const queue of QUEUES) [waiting] = await fillQueue(redis, messages / QUEUES.length, { queue });
  const result = randomUUID();
  for (let done = 0; done < results; done += PAGE) {
    const pipeline = redis.client.pipeline();
    for (const id of [done === 0 ? result : randomUUID(), ...Array.from({ length: PAGE - 1 }, () => randomUUID())]) {
      pipeline.set(`celery-task-meta-${id}`, resultText(id), 'EX', 86_400);
    }
    await pipeline.exec();
  }
  return { result, waiting };
}

/** How many commands were given, and what the longest took of the server. */
async function serversPart({ client, url }, words) {
  await client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '100000');
  await client.slowlog('RESET');
  timed(process.execPath, [CTQ, ...words, '-b', url], { anyStatus: true });
  const commands = await client.slowlog('GET', '100000');
  await client.config('SET', 'slowlog-log-slower-than', '10000');
  return { count: commands.length, longestMs: Math.max(...commands.map(([, , micros]) => micros)) / 1000 };
}

export async function run({ size, record, turns }) {
  const [empty, large] = [await startRedis(), await startRedis()];
  try {
    const { result, waiting } = await fill(large, size);
    const commands = {
      'ctq keys': ['keys', '--json'],
      'ctq queues': ['queues', '--json'],
      'ctq find, a result': ['find', result],
      'ctq find, a result by its beginning': ['find', result.slice(0, 13)],
      'ctq find, a message in the middle': ['find', waiting],
      'ctq find, nobody': ['find', randomUUID()],
    };
    const took = ({ url }, words) => timed(process.execPath, [CTQ, ...words, '-b', url], { anyStatus: true }).tookMs;
    const withNothing = {};
    const withAll = await turns('estate', Object.keys(commands), (name, round) => {
      // The first call warms the file cache.
      if (round === 0) took(empty, commands[name]);
      (withNothing[name] ??= []).push(took(empty, commands[name]));
      return took(large, commands[name]);
    });
    record.group('empty Redis', { unit: 'ms', better: 'less', rows: withNothing });
    record.group(`${size.messages.toLocaleString('en-GB')} messages, ${size.results.toLocaleString('en-GB')} results`, {
      unit: 'ms',
      better: 'less',
      rows: withAll,
    });
    for (const name of Object.keys(commands)) {
      record.ratio(`${name}: large / empty`, withAll[name], withNothing[name], { better: 'less' });
      const { count, longestMs } = await serversPart(large, commands[name]);
      record.fact(`${name}: commands given to Redis`, count);
      record.fact(`${name}: the longest, ms`, rounded(longestMs));
    }
  } finally {
    await Promise.all([empty.stop(), large.stop()]);
  }
}
