/** Messages of a task that somebody has, or that wait for their time: all of them are in `unacked`. */
import { boundQueues } from '../../brokers/redis/bindings.js';
import { aboutKey } from '../../brokers/redis/desk-keys.js';
import { ownersKey, duePrefix, parkedKey, priorityList, queueLists, unwrapUnacked, type RedisLayout } from '../../brokers/redis/keys.js';
import { takeRecords } from '../../brokers/redis/own.js';
import { readAbout } from '../../brokers/about.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { TaskPlace } from '../../estate/tasks.js';
import { publishedAt, readMessage } from '../stored.js';
import { idOf, textsOf } from '../task-id-text.js';
import { searchHashScript } from './key-scripts.js';
import { allBindings, queueOfList } from './queue-names.js';

interface Held {
  readonly tag: string;
  readonly raw: Uint8Array;
  readonly exchange: string;
  readonly routingKey: string;
}

/** About a megabyte is a millisecond of the server's. */
const STEP_BYTES = 1_000_000;
const LONGEST_STEP = 200;

/** Ids of held messages that begin so. */
export async function heldIds(connection: RedisConnection, layout: RedisLayout, prefix: string): Promise<string[]> {
  const held = await matching(connection, layout, prefix);
  return held.flatMap(({ raw }) => idOf(readMessage(raw)) ?? []).filter((id) => id.startsWith(prefix));
}

export async function heldPlaces(connection: RedisConnection, layout: RedisLayout, taskId: string): Promise<TaskPlace[]> {
  const held = (await matching(connection, layout, taskId)).filter(({ raw }) => idOf(readMessage(raw)) === taskId);
  return Promise.all(held.map((one) => placeOf(connection, layout, one)));
}

async function matching(connection: RedisConnection, layout: RedisLayout, prefix: string): Promise<Held[]> {
  const [bytes, count] = await Promise.all([
    connection.call('memory', ['USAGE', layout.unackedKey]).catch(() => null),
    connection.call('hlen', [layout.unackedKey]),
  ]);
  if (Number(count) === 0) return [];
  const each = Math.max(1, Number(bytes ?? 0) / Number(count));
  const step = String(Math.max(1, Math.min(LONGEST_STEP, Math.floor(STEP_BYTES / each))));
  const found = new Map<string, Held>();
  let cursor = '0';
  do {
    const args = [cursor, step, ...textsOf(prefix)];
    const [next, ...pairs] = (await connection.runForBytes(searchHashScript, [layout.unackedKey], args)) as readonly Buffer[];
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const one = unwrap((pairs[at] as Buffer).toString('utf8'), (pairs[at + 1] as Buffer).toString('utf8'));
      if (one !== undefined) found.set(one.tag, one);
    }
    cursor = String(next);
  } while (cursor !== '0');
  return [...found.values()];
}

/** `[message, exchange, routing key]`. */
function unwrap(tag: string, value: string): Held | undefined {
  const ours = unwrapUnacked(value);
  const end = ours === undefined ? value.lastIndexOf('}') + 1 : 1 + ours.length;
  try {
    const [exchange, routingKey] = JSON.parse(`[${value.slice(end).replace(/^\s*,/, '')}`) as readonly unknown[];
    if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
    return { tag, raw: Buffer.from(value.slice(value.indexOf('{'), end)), exchange, routingKey };
  } catch {
    return undefined;
  }
}

async function placeOf(connection: RedisConnection, layout: RedisLayout, { tag, raw, exchange, routingKey }: Held): Promise<TaskPlace> {
  const message = readMessage(raw);
  const [queue, owner, score] = await Promise.all([
    queueOf(connection, layout, exchange, routingKey),
    ownerOf(connection, layout, tag),
    connection.call('zscore', [layout.unackedIndexKey, tag]),
  ]);
  // Due ones whose list has no room yet are in its line.
  const parked = queueLists(layout, queue).flatMap((list) =>
    [parkedKey(layout), `${duePrefix(layout)}${list}`].map((key) => connection.call('zscore', [key, `${tag}\0${list}`])),
  );
  const due = (await Promise.all(parked)).find((one) => one !== null);
  const { priority } = queueOfList(layout, priorityList(layout, queue, message?.properties.priority));
  const stored = { queue, priority, position: 0, raw, message, ...publishedAt(message) };
  if (due !== undefined) return { ...stored, place: 'delayed', dueAtMs: Number(due) * 1000 };
  return {
    ...stored,
    place: 'unacked',
    ...owner,
    // Of ours the score is the last beat, and not the time of taking.
    ...(owner === undefined && score !== null ? { takenAtMs: Number(score) * 1000 } : {}),
  };
}

/** Which of several bound queues it came from, nobody has written down. */
async function queueOf(connection: RedisConnection, layout: RedisLayout, exchange: string, routingKey: string): Promise<string> {
  if (exchange === '') return routingKey;
  const bound = (await allBindings(connection, layout)).find((one) => one.exchange === exchange);
  return (bound === undefined ? [] : boundQueues(bound.queues, 'unknown', routingKey))[0] ?? routingKey;
}

/** The ctq consumer whose take it is in. */
async function ownerOf(
  connection: RedisConnection,
  layout: RedisLayout,
  tag: string,
): Promise<{ readonly owner: string; readonly takenAtMs: number } | undefined> {
  const owners = (await connection.call('zrange', [ownersKey(layout), '0', '-1'])) as readonly string[];
  const takes = await Promise.all(owners.map((owner) => takeRecords(connection, layout, owner)));
  for (const [index, records] of takes.entries()) {
    const take = records.find(({ items }) => items.some((item) => item.tag === tag));
    if (take === undefined) continue;
    const owner = owners[index] as string;
    const about = await connection.call('get', [aboutKey(layout, owner)]);
    return { owner: (typeof about === 'string' ? readAbout(about)?.node : undefined) ?? owner, takenAtMs: Number(take.takenAt) * 1000 };
  }
  return undefined;
}
