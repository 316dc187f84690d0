/** Which queues there are. Nothing in kombu's layout lists them: bindings name most, and lists that look like queues the rest. */
import { bindingKey, ownersKey, type RedisLayout } from '../../brokers/redis/keys.js';
import { parseBinding } from '../../brokers/redis/bindings.js';
import { pausedKey } from '../../brokers/redis/desk-keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import { escapeGlob } from '../glob.js';
import { readMessage } from '../stored.js';
import { abouts } from './abouts.js';
import { parkedLists } from './parked.js';
import { scanned } from './scan.js';

/** A step of SCAN: some tenths of a millisecond. */
const SCAN_COUNT = '1000';
const BINDING_PATTERN = '_kombu.binding.';

/** Mailboxes, answers and events: queues of kombu's that no task goes to (WIRE 10, 11), each worker or client its own. */
const NOT_FOR_TASKS = /(^|\.)(celery\.)?pidbox$|\.reply\.|^reply\.|^celeryev(\.|$)/;

/** The queue that a list belongs to, and its priority step. */
export function queueOfList(layout: RedisLayout, list: string): { readonly queue: string; readonly priority: number } {
  const name = list.slice(layout.prefix.length);
  const at = name.lastIndexOf(layout.separator);
  const step = at < 0 ? undefined : layout.prioritySteps.find((one) => String(one) === name.slice(at + layout.separator.length));
  return step === undefined ? { queue: name, priority: 0 } : { queue: name.slice(0, at), priority: step };
}

export async function queueNames(connection: RedisConnection, layout: RedisLayout): Promise<string[]> {
  const [bound, listed, parked, paused, told] = await Promise.all([
    boundQueueNames(connection, layout),
    listedQueueNames(connection, layout),
    parkedLists(connection, layout),
    connection.call('hkeys', [pausedKey(layout)]) as Promise<readonly string[]>,
    abouts(connection, layout, ownersKey(layout)),
  ]);
  const names = new Set<string>(bound);
  const unsure = new Set<string>();
  for (const list of listed) {
    const { queue } = queueOfList(layout, list);
    if (!names.has(queue) && !NOT_FOR_TASKS.test(queue)) unsure.add(list);
  }
  for (const queue of await thoseWithMessages(connection, layout, [...unsure])) names.add(queue);
  for (const list of parked.keys()) names.add(queueOfList(layout, list).queue);
  for (const queue of paused) names.add(queue);
  for (const { queues } of told) for (const { name } of queues) names.add(name);
  return [...names].filter((name) => !NOT_FOR_TASKS.test(name)).sort();
}

async function boundQueueNames(connection: RedisConnection, layout: RedisLayout): Promise<Set<string>> {
  const names = new Set<string>();
  for (const { queues } of await allBindings(connection, layout)) for (const queue of queues) names.add(queue.queue);
  return names;
}

export interface ExchangeBindings {
  readonly exchange: string;
  readonly queues: readonly { readonly routingKey: string; readonly pattern: string; readonly queue: string }[];
}

/** Every exchange that task queues are bound to. */
export async function allBindings(connection: RedisConnection, layout: RedisLayout): Promise<ExchangeBindings[]> {
  const start = bindingKey(layout, '');
  const keys = await scan(connection, 'set', `${escapeGlob(layout.prefix)}${BINDING_PATTERN}*`);
  const exchanges = keys.map((key) => key.slice(start.length)).filter((exchange) => !NOT_FOR_TASKS.test(exchange));
  const members = (await Promise.all(
    exchanges.map((exchange) => connection.call('smembers', [bindingKey(layout, exchange)])),
  )) as string[][];
  return exchanges.map((exchange, index) => ({
    exchange,
    queues: (members[index] ?? []).map((member) => parseBinding(layout, member)).filter((binding) => binding !== undefined),
  }));
}

async function listedQueueNames(connection: RedisConnection, layout: RedisLayout): Promise<string[]> {
  const lists = await scan(connection, 'list', layout.prefix === '' ? undefined : `${escapeGlob(layout.prefix)}*`);
  // Ours and Celery's own lists: dead letters, parts of chords that have no order.
  return lists.filter((list) => !list.startsWith(`${layout.prefix}ctq:`) && !/celery-task(set)?-meta-/.test(list));
}

/** A list may be another program's: one that is bound nowhere counts when what lies in it is a message. */
async function thoseWithMessages(connection: RedisConnection, layout: RedisLayout, lists: readonly string[]): Promise<Set<string>> {
  const heads = await Promise.all(lists.map((list) => connection.callForBytes('lindex', [list, '-1']).catch(() => null)));
  const found = lists.filter((_, index) => {
    const head = heads[index];
    const message = head instanceof Uint8Array ? readMessage(head) : undefined;
    return message !== undefined && (message.contentType !== '' || message.body.length > 0);
  });
  return new Set(found.map((list) => queueOfList(layout, list).queue));
}

/** In pages, and each key once. */
async function scan(connection: RedisConnection, type: 'set' | 'list', match: string | undefined): Promise<string[]> {
  const found = new Set<string>();
  const rest = [...(match === undefined ? [] : ['MATCH', match]), 'COUNT', SCAN_COUNT, 'TYPE', type];
  for await (const keys of scanned((cursor) => connection.call('scan', [cursor, ...rest]))) for (const key of keys) found.add(key);
  return [...found];
}
