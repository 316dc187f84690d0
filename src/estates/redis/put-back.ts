/** Puts removed messages back at the consuming end, the last ones first. */
import { randomUUID } from 'node:crypto';
import { asideKey, asidesKey, restoredKey } from '../../brokers/redis/desk-keys.js';
import { parkedKey, priorityList, type RedisLayout, unackedTail } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { Aside, Keeping, RemovedMessage } from '../../estate/messages.js';
import { readMessage } from '../stored.js';
import { asideQueuesScript, dropAsideScript, putBackScript } from './message-scripts.js';
import { serverSeconds } from './server-time.js';

/** How long a second undo of the same removal is refused. */
const REMEMBERED_S = 90 * 86_400;

export async function asideOnes(connection: RedisConnection, layout: RedisLayout): Promise<Aside[]> {
  const [seconds, flat] = await Promise.all([
    serverSeconds(connection),
    connection.call('zrange', [asidesKey(layout), '0', '-1', 'WITHSCORES']) as Promise<readonly string[]>,
  ]);
  const ids = flat.filter((_, index) => index % 2 === 0);
  const counts = await Promise.all(ids.map((id) => asideQueues(connection, asideKey(layout, id))));
  return ids
    .map((id, index) => {
      const queues = counts[index] ?? new Map<string, number>();
      const count = [...queues.values()].reduce((sum, one) => sum + one, 0);
      return { id, count, queues, idleMs: Math.max(0, seconds - Number(flat[index * 2 + 1])) * 1000 };
    })
    .filter(({ count }) => count > 0);
}

/** Counted where they lie: a page may have megabytes. */
async function asideQueues(connection: RedisConnection, key: string): Promise<Map<string, number>> {
  const flat = (await connection.run(asideQueuesScript, [key], [])) as readonly (string | number)[];
  const queues = new Map<string, number>();
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const [queue] = JSON.parse(String(flat[at])) as [string];
    queues.set(queue, (queues.get(queue) ?? 0) + Number(flat[at + 1]));
  }
  return queues;
}

export async function restoredFrom(connection: RedisConnection, layout: RedisLayout, id: string): Promise<number | undefined> {
  const mark = await connection.call('get', [restoredKey(layout, id)]);
  return mark === null ? undefined : Number(mark);
}

export async function keepAside(connection: RedisConnection, layout: RedisLayout, id: string, page: Keeping['page']): Promise<number> {
  const entries = await setAside(connection, layout, id);
  const [first] = entries;
  if (first === undefined) return 0;
  const messages = entries.map(readAside).filter((message) => message !== undefined);
  await page(messages);
  await connection.run(dropAsideScript, [asideKey(layout, id), asidesKey(layout)], [id, first]);
  return messages.length;
}

export async function putBackAside(connection: RedisConnection, layout: RedisLayout, id: string, arrivedUpTo = -1): Promise<number> {
  const entries = await setAside(connection, layout, id);
  const [first] = entries;
  if (first === undefined) return 0;
  const messages = entries.map(readAside).filter((message) => message !== undefined && message.number > arrivedUpTo) as RemovedMessage[];
  if (messages.length === 0) {
    await connection.run(dropAsideScript, [asideKey(layout, id), asidesKey(layout)], [id, first]);
    return 0;
  }
  const done = await putBack(connection, layout, { id, page: messages, from: 'aside' });
  return done ? messages.length : 0;
}

export function restore(connection: RedisConnection, layout: RedisLayout, id: string, page: readonly RemovedMessage[]): Promise<boolean> {
  return page.length === 0 ? Promise.resolve(true) : putBack(connection, layout, { id, page, from: 'copy' });
}

interface PutBack {
  readonly id: string;
  readonly page: readonly RemovedMessage[];
  readonly from: 'aside' | 'copy';
}

async function putBack(connection: RedisConnection, layout: RedisLayout, { id, page, from }: PutBack): Promise<boolean> {
  const before = await restoredFrom(connection, layout, id);
  const first = page[0]?.number ?? 0;
  // What is back already must not come twice.
  if (before !== undefined && (page.at(-1)?.number ?? 0) >= before) return false;
  const lists: string[] = [];
  const args: (string | Buffer)[] = [];
  for (const message of page.toReversed()) {
    const list = priorityList(layout, message.queue, message.priority);
    if (!lists.includes(list)) lists.push(list);
    const due = message.place === 'delayed' && message.dueAtMs !== undefined ? (message.dueAtMs / 1000).toFixed(6) : '';
    const tag = String(message.whereabouts?.['tag'] ?? randomUUID());
    args.push(String(lists.indexOf(list) + 1), due, tag, unackedTail(message.queue), Buffer.from(message.raw));
  }
  const keys = [
    ...[restoredKey(layout, id), asideKey(layout, id), asidesKey(layout)],
    ...[layout.unackedKey, layout.unackedIndexKey, parkedKey(layout), ...lists],
  ];
  const head = [before === undefined ? '' : String(before), String(first), id, from === 'aside' ? '1' : '', String(REMEMBERED_S)];
  return (await connection.run(putBackScript, keys, [...head, ...args])) === '';
}

async function setAside(connection: RedisConnection, layout: RedisLayout, id: string): Promise<Buffer[]> {
  return (await connection.callForBytes('lrange', [asideKey(layout, id), '0', '-1'])) as Buffer[];
}

/** `<number> NUL <about> NUL <message>` */
function readAside(entry: Buffer, position: number): RemovedMessage | undefined {
  const first = entry.indexOf(0);
  const second = entry.indexOf(0, first + 1);
  if (first < 0 || second < 0) return undefined;
  const [queue, priority, due, tag] = JSON.parse(entry.toString('utf8', first + 1, second)) as [
    string,
    number,
    number | null,
    string | null,
  ];
  const raw = entry.subarray(second + 1);
  return {
    ...{ number: Number(entry.toString('latin1', 0, first)), queue, priority, position, raw, message: readMessage(raw) },
    ...(due === null ? { place: 'ready' } : { place: 'delayed', dueAtMs: due, whereabouts: { tag: tag ?? randomUUID() } }),
  };
}
