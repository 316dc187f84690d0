/** An item of a list, and a parked one, as an operator sees it. */
import { queueLists, type RedisLayout } from '../../brokers/redis/keys.js';
import type { StoredMessage } from '../../estate/messages.js';
import { publishedAt, readMessage } from '../stored.js';
import type { Parked } from './parked.js';

export function readyMessage(queue: string, priority: number, position: number, raw: Uint8Array): StoredMessage {
  const message = readMessage(raw);
  return { queue, place: 'ready', priority, position, raw, message, ...publishedAt(message) };
}

export function delayedMessage(
  queue: string,
  layout: RedisLayout,
  position: number,
  { list, tag, dueAtMs }: Parked,
  raw: Uint8Array,
): StoredMessage {
  const message = readMessage(raw);
  const priority = layout.prioritySteps[queueLists(layout, queue).indexOf(list)] ?? 0;
  return { queue, place: 'delayed', priority, position, raw, message, dueAtMs, whereabouts: { tag }, ...publishedAt(message) };
}
