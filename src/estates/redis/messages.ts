/** Messages in kombu's lists: the right end is the next one to be taken. */
import { queueLists, type RedisLayout, unwrapUnacked } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { MessageDesk, StoredMessage } from '../../estate/messages.js';
import { PageSize } from '../page-size.js';
import { type Parked, parkedPages } from './parked.js';
import { arrive, endArrivals, noted } from './arrive.js';
import { asideOnes, keepAside, putBackAside, restore, restoredFrom } from './put-back.js';
import { removeMessages } from './removal.js';
import { delayedMessage, readyMessage } from './stored-message.js';
import type { RedisStore } from './store.js';

/** A page of a list, however many were asked for. */
const LARGEST_PAGE = 1_000;
/** A sample is made of so many runs of neighbours: each costs the server a walk to its place. */
const SAMPLE_RUNS = 20;

export function redisMessageDesk({ layout, read, write }: RedisStore): MessageDesk {
  return {
    looks: 'unseen',
    restores: 'in place',
    page: (queue, offset, limit) => read((connection) => page(connection, layout, { queue, offset, limit })),
    sample: (queue, size) => read((connection) => sample(connection, layout, queue, size)),
    remove: (terms) => write((connection) => removeMessages(connection, layout, terms)),
    aside: () => read((connection) => asideOnes(connection, layout)),
    keepAside: (id, keep) => write((connection) => keepAside(connection, layout, id, keep)),
    putBackAside: (id, arrivedUpTo) => write((connection) => putBackAside(connection, layout, id, arrivedUpTo)),
    restoredFrom: (id) => read((connection) => restoredFrom(connection, layout, id)),
    restore: (id, messages) => write((connection) => restore(connection, layout, id, messages)),
    // Repeated after a lost connection: what has arrived does not arrive again.
    arrive: (id, messages, note) => read((connection) => arrive(connection, layout, { id, page: messages, note })),
    // The same: what was ended says the same again.
    endArrivals: (id) => read((connection) => endArrivals(connection, layout, id)),
    noted: (id) => read((connection) => noted(connection, layout, id)),
  };
}

interface Wanted {
  readonly queue: string;
  readonly offset: number;
  readonly limit: number;
}

async function page(connection: RedisConnection, layout: RedisLayout, { queue, offset, limit }: Wanted): Promise<StoredMessage[]> {
  const lists = queueLists(layout, queue);
  const lengths = await Promise.all(lists.map((list) => connection.call('llen', [list])));
  const found: StoredMessage[] = [];
  let skip = offset;
  for (const [step, list] of lists.entries()) {
    const length = Number(lengths[step]);
    const take = Math.min(length - skip, limit - found.length);
    if (take > 0) {
      const raws = await listPage(connection, list, skip, take);
      const from = skip;
      found.push(...raws.map((raw, index) => readyMessage(queue, layout.prioritySteps[step] ?? 0, from + index, raw)));
    }
    skip = Math.max(0, skip - length);
  }
  if (found.length < limit) found.push(...(await delayedPage(connection, layout, { queue, offset: skip, limit: limit - found.length })));
  return found;
}

/** From position `from` in the order of serving. */
async function listPage(connection: RedisConnection, list: string, from: number, count: number): Promise<Uint8Array[]> {
  const raws: Uint8Array[] = [];
  const size = new PageSize(LARGEST_PAGE);
  while (raws.length < count) {
    const start = from + raws.length;
    const wanted = Math.min(size.count, count - raws.length);
    const part = (await connection.callForBytes('lrange', [list, String(-(start + wanted)), String(-start - 1)])) as Uint8Array[];
    if (part.length === 0) break;
    raws.push(...part.reverse());
    size.saw(part);
  }
  return raws;
}

async function delayedPage(connection: RedisConnection, layout: RedisLayout, { queue, offset, limit }: Wanted): Promise<StoredMessage[]> {
  const lists = queueLists(layout, queue);
  const wanted: Parked[] = [];
  let at = 0;
  for await (const part of parkedPages(connection, layout)) {
    for (const one of part) {
      if (!lists.includes(one.list)) continue;
      if (at >= offset && wanted.length < limit) wanted.push(one);
      at += 1;
    }
    if (wanted.length >= limit) break;
  }
  const values = await Promise.all(wanted.map(({ tag }) => connection.callForBytes('hget', [layout.unackedKey, tag])));
  return wanted.flatMap((one, index) => {
    const value = values[index];
    const raw = value instanceof Uint8Array ? unwrapped(value) : undefined;
    return raw === undefined ? [] : [delayedMessage(queue, layout, offset + index, one, raw)];
  });
}

/** `[<message>,"","<queue>"]`, byte for byte: a message need not be UTF-8. */
function unwrapped(value: Uint8Array): Uint8Array | undefined {
  const text = unwrapUnacked(Buffer.from(value).toString('latin1'));
  return text === undefined ? undefined : Buffer.from(text, 'latin1');
}

async function sample(
  connection: RedisConnection,
  layout: RedisLayout,
  queue: string,
  size: number,
): Promise<{ readonly messages: readonly StoredMessage[]; readonly total: number }> {
  const lists = queueLists(layout, queue);
  const lengths = (await Promise.all(lists.map((list) => connection.call('llen', [list])))).map(Number);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= size) return { messages: await page(connection, layout, { queue, offset: 0, limit: total }), total };
  const runs = Math.min(SAMPLE_RUNS, size);
  const run = Math.max(1, Math.floor(size / runs));
  const parts = await Promise.all(
    Array.from({ length: runs }, async (_, index) => {
      // From the middle of each of equal stretches, so that neither end counts for more than its share.
      let position = Math.max(0, Math.floor((total * (index + 0.5)) / runs) - Math.floor(run / 2));
      const step = lengths.findIndex((length) => {
        if (position < length) return true;
        position -= length;
        return false;
      });
      const [list, from] = [lists[step], position];
      if (list === undefined) return [];
      const raws = await listPage(connection, list, from, run);
      return raws.map((raw, at) => readyMessage(queue, layout.prioritySteps[step] ?? 0, from + at, raw));
    }),
  );
  return { messages: parts.flat(), total };
}
