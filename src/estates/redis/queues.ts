/** Queues on Redis: kombu's lists and bindings, and what ctq's workers write beside them. */
import { pausedKey } from '../../brokers/redis/desk-keys.js';
import { ownersKey, queueLists, type RedisLayout } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { OldestMessage, QueueDesk, QueueReport } from '../../estate/queues.js';
import { stoppedNodes } from '../../brokers/about.js';
import { consumptionOf } from '../consumption.js';
import { publishedAt, readMessage } from '../stored.js';
import { abouts } from './abouts.js';
import { queueNames } from './queue-names.js';
import type { RedisStore } from './store.js';
import { heldCounts } from './unacked-count.js';

export function redisQueueDesk({ layout, read, write }: RedisStore): QueueDesk {
  return {
    names: () => read((connection) => queueNames(connection, layout)),
    report: (names) => read((connection) => report(connection, layout, names)),
    holds: 'our workers',
    paused: () => read(async (connection) => [...((await connection.call('hkeys', [pausedKey(layout)])) as readonly string[])].sort()),
    pause: (names) =>
      write(
        async (connection) => void (await Promise.all(names.map((name) => connection.call('hsetnx', [pausedKey(layout), name, '[]'])))),
      ),
    noteStopped: (name, nodes) => write((connection) => noteStopped(connection, layout, name, nodes)),
    stopped: (name) =>
      read(async (connection) => {
        const text = (await connection.call('hget', [pausedKey(layout), name])) as string | null;
        return text === null ? undefined : stoppedNodes(text);
      }),
    resume: (names) =>
      write(async (connection) => void (names.length > 0 && (await connection.call('hdel', [pausedKey(layout), ...names])))),
  };
}

async function noteStopped(connection: RedisConnection, layout: RedisLayout, name: string, nodes: readonly string[]): Promise<void> {
  const before = stoppedNodes((await connection.call('hget', [pausedKey(layout), name])) as string | null);
  const all = [...new Set([...before, ...nodes])];
  await connection.call('hset', [pausedKey(layout), name, JSON.stringify(all)]);
}

async function report(connection: RedisConnection, layout: RedisLayout, names: readonly string[]): Promise<QueueReport[]> {
  const [lengths, held, paused, told] = await Promise.all([
    Promise.all(names.map((name) => Promise.all(queueLists(layout, name).map((list) => lengthOf(connection, list))))),
    heldCounts(connection, layout),
    connection.call('hkeys', [pausedKey(layout)]) as Promise<readonly string[]>,
    abouts(connection, layout, ownersKey(layout)),
  ]);
  const oldest = await Promise.all(names.map((name, index) => oldestOf(connection, queueLists(layout, name), lengths[index] ?? [])));
  return names.map((name, index) => {
    const counts = lengths[index] ?? [];
    const ready = counts.reduce((sum, count) => sum + count, 0);
    const consumption = consumptionOf(name, told);
    const age = oldest[index] ?? estimate(ready, consumption?.finishRate);
    return {
      name,
      ready,
      readyByPriority: layout.prioritySteps
        .map((priority, step) => ({ priority, count: counts[step] ?? 0 }))
        .filter(({ count }) => count > 0),
      unacked: held.unacked.get(name) ?? 0,
      delayed: held.delayed.get(name) ?? 0,
      paused: paused.includes(name),
      ...(consumption === undefined ? {} : { consumption }),
      ...(age === undefined ? {} : { oldest: age }),
    };
  });
}

/** A key of that name may be another program's, and no list. */
async function lengthOf(connection: RedisConnection, list: string): Promise<number> {
  return Number(await connection.call('llen', [list]).catch(() => 0));
}

/** The next one of each priority has waited longest in its list. */
async function oldestOf(
  connection: RedisConnection,
  lists: readonly string[],
  lengths: readonly number[],
): Promise<OldestMessage | undefined> {
  const full = lists.filter((_, step) => (lengths[step] ?? 0) > 0);
  const heads = await Promise.all(full.map((list) => connection.callForBytes('lindex', [list, '-1'])));
  const times = heads.flatMap((head) => (head instanceof Uint8Array ? [publishedAt(readMessage(head)).publishedAtMs ?? Number.NaN] : []));
  const known = times.filter((time) => !Number.isNaN(time));
  if (known.length === 0) return undefined;
  // Of a list whose head does not say when, nothing is known: what is known is then the least that it can be.
  return { ageMs: Math.max(0, Date.now() - Math.min(...known)), basis: known.length === times.length ? 'header' : 'estimate' };
}

/** Little's law: so long did the last one that was finished wait, if messages came as fast as they went. */
function estimate(ready: number, finishRate: number | undefined): OldestMessage | undefined {
  if (ready === 0 || finishRate === undefined || finishRate < 0.1) return undefined;
  return { ageMs: (ready / finishRate) * 1000, basis: 'estimate' };
}
