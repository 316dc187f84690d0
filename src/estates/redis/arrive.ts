/** Takes in what was removed from another store: behind all that waits, each once. */
import { randomUUID } from 'node:crypto';
import { arrivedKey } from '../../brokers/redis/desk-keys.js';
import { parkedKey, priorityList, type RedisLayout, unackedTail } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { ArrivalNote, RemovedMessage } from '../../estate/messages.js';
import { arrivalsEnded } from '../stored.js';
import { arriveScript, endArrivalsScript } from './message-scripts.js';

/** How long a removal that was killed may wait for somebody to go on with it. */
const REMEMBERED_S = 90 * 86_400;

interface Arrival {
  readonly id: string;
  readonly page: readonly RemovedMessage[];
  readonly note: ArrivalNote | undefined;
}

export async function arrive(connection: RedisConnection, layout: RedisLayout, { id, page, note }: Arrival): Promise<number> {
  const lists: string[] = [];
  const args: (string | Buffer)[] = [String(REMEMBERED_S), note === undefined ? '' : 'note', note?.text ?? ''];
  for (const message of page) {
    // Its own priority knows more than the step of a store that may have other steps.
    const list = priorityList(layout, message.queue, message.message?.properties.priority ?? message.priority);
    if (!lists.includes(list)) lists.push(list);
    const due = message.place === 'delayed' && message.dueAtMs !== undefined ? (message.dueAtMs / 1000).toFixed(6) : '';
    const tag = String(message.whereabouts?.['tag'] ?? randomUUID());
    args.push(String(message.number), String(lists.indexOf(list) + 1), due, tag, unackedTail(message.queue), Buffer.from(message.raw));
  }
  const keys = [
    arrivedKey(layout, id),
    layout.unackedKey,
    layout.unackedIndexKey,
    parkedKey(layout),
    arrivedKey(layout, note?.id ?? id),
    ...lists,
  ];
  const count = Number(await connection.run(arriveScript, keys, args));
  if (count < 0) throw arrivalsEnded();
  return count;
}

export async function endArrivals(connection: RedisConnection, layout: RedisLayout, id: string): Promise<number> {
  return Number(await connection.run(endArrivalsScript, [arrivedKey(layout, id)], [String(REMEMBERED_S)]));
}

export async function noted(connection: RedisConnection, layout: RedisLayout, id: string): Promise<string | undefined> {
  return ((await connection.call('get', [arrivedKey(layout, id)])) as string | null) ?? undefined;
}
