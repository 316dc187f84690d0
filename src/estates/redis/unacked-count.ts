/**
 * How many deliveries of each queue are in workers' hands. `unacked` itself does not tell: what ctq's
 * workers took is in their own records, what Python's took only at the end of each value.
 */
import { boundQueues } from '../../brokers/redis/bindings.js';
import { ownersKey, type RedisLayout } from '../../brokers/redis/keys.js';
import { takeRecords } from '../../brokers/redis/own.js';
import type { RedisConnection } from '../../connections/redis.js';
import { unackedTailsScript } from './message-scripts.js';
import { parkedPages } from './parked.js';
import { allBindings, type ExchangeBindings, queueOfList } from './queue-names.js';
import { serverSeconds } from './server-time.js';

const PAGE = 1_000;
const TAILS_AT_ONCE = 500;
/** Lua copies each value: two megabytes are about a millisecond. */
const MOST_BYTES = 2_000_000;

export interface HeldCounts {
  readonly unacked: ReadonlyMap<string, number>;
  readonly delayed: ReadonlyMap<string, number>;
}

export async function heldCounts(connection: RedisConnection, layout: RedisLayout): Promise<HeldCounts> {
  const [size, ownLists, parked] = await Promise.all([
    connection.call('hlen', [layout.unackedKey]),
    listsOfOwnTags(connection, layout),
    parkedTags(connection, layout),
  ]);
  const unacked = new Map<string, number>();
  const add = (queue: string): void => void unacked.set(queue, (unacked.get(queue) ?? 0) + 1);
  const foreign: string[] = [];
  if (Number(size) > parked.tags.size) {
    for await (const tags of scoredTags(connection, layout)) {
      for (const tag of tags) {
        const list = ownLists.get(tag);
        if (parked.tags.has(tag)) continue;
        if (list === undefined) foreign.push(tag);
        else add(queueOfList(layout, list).queue);
      }
    }
  }
  const bindings = foreign.length === 0 ? [] : await allBindings(connection, layout);
  for await (const tail of tailsOf(connection, layout, foreign)) for (const queue of queuesOfTail(tail, bindings)) add(queue);
  return { unacked, delayed: parked.counts };
}

async function listsOfOwnTags(connection: RedisConnection, layout: RedisLayout): Promise<Map<string, string>> {
  const owners = (await connection.call('zrange', [ownersKey(layout), '0', '-1'])) as readonly string[];
  const lists = new Map<string, string>();
  const records = await Promise.all(owners.map((owner) => takeRecords(connection, layout, owner)));
  for (const { items } of records.flat()) for (const { tag, list } of items) lists.set(tag, list);
  return lists;
}

async function parkedTags(connection: RedisConnection, layout: RedisLayout): Promise<{ tags: Set<string>; counts: Map<string, number> }> {
  const tags = new Set<string>();
  const counts = new Map<string, number>();
  for await (const page of parkedPages(connection, layout)) {
    for (const { tag, list } of page) {
      tags.add(tag);
      const { queue } = queueOfList(layout, list);
      counts.set(queue, (counts.get(queue) ?? 0) + 1);
    }
  }
  return { tags, counts };
}

/** Tags that are not parked for later: a lease lies in the past, always by the server's clock. */
async function* scoredTags(connection: RedisConnection, layout: RedisLayout): AsyncGenerator<readonly string[]> {
  const now = String((await serverSeconds(connection)) + 1);
  for (let offset = 0; ; offset += PAGE) {
    const page = ['-inf', now, 'LIMIT', String(offset), String(PAGE)];
    const tags = (await connection.call('zrangebyscore', [layout.unackedIndexKey, ...page])) as readonly string[];
    yield tags;
    if (tags.length < PAGE) return;
  }
}

async function* tailsOf(connection: RedisConnection, layout: RedisLayout, tags: readonly string[]): AsyncGenerator<string> {
  for (let from = 0; from < tags.length; ) {
    const args = [String(MOST_BYTES), ...tags.slice(from, from + TAILS_AT_ONCE)];
    const tails = (await connection.run(unackedTailsScript, [layout.unackedKey], args)) as readonly string[];
    if (tails.length === 0) return;
    from += tails.length;
    yield* tails;
  }
}

/** `…, "exchange", "routing key"]`, by json.dumps or by us. */
const TAIL = /,\s*("(?:[^"\\]|\\.)*")\s*,\s*("(?:[^"\\]|\\.)*")\s*\]$/;

/** Which of several bound queues a Python worker took it from, nobody has written down: it counts for each. */
function queuesOfTail(tail: string, bindings: readonly ExchangeBindings[]): readonly string[] {
  const match = TAIL.exec(tail);
  if (match === null) return [];
  let exchange: string;
  let routingKey: string;
  try {
    exchange = JSON.parse(match[1] as string) as string;
    routingKey = JSON.parse(match[2] as string) as string;
  } catch {
    return [];
  }
  if (exchange === '') return [routingKey];
  const found = bindings.find((one) => one.exchange === exchange);
  return found === undefined ? [] : boundQueues(found.queues, 'unknown', routingKey);
}
