/**
 * Deliveries that other programs lost. They are given back by kombu's own rule and no earlier: when
 * their score is older than the visibility timeout (WIRE 6.5). Ours are always younger, for their
 * scores are renewed. A delivery whose queue cannot be found is left alone: kombu would drop it (R16).
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../connections/redis.js';
import { readJson } from '../../protocol/json-reader.js';
import { RawNumber, writeJson } from '../../protocol/json-writer.js';
import { boundQueues, parseBinding } from './bindings.js';
import { redeliveredText } from './give-back.js';
import { bindingKey, priorityList, type RedisLayout } from './keys.js';
import { restoreForeignScript } from './scripts.js';

const BATCH = 100;
/** The holder of kombu's lock may die: others wait this long, not kombu's 300 s (R21). */
const MUTEX_MS = 30_000;
/** Two timeouts apart from the lease of a worker of ours, however short the timeout was set. */
const YOUNGEST_S = 10;

/** Skips when somebody else is at it. @returns How many went back. */
export async function restoreForeign(connection: RedisConnection, layout: RedisLayout): Promise<number> {
  const [seconds] = (await connection.call('time', [])) as readonly string[];
  const ceiling = Number(seconds) - Math.max(layout.visibilityTimeoutS, YOUNGEST_S);
  const candidates = (await connection.call('ZREVRANGEBYSCORE', [
    layout.unackedIndexKey,
    String(ceiling),
    '0',
    'WITHSCORES',
    'LIMIT',
    '0',
    String(BATCH),
  ])) as readonly string[];
  if (candidates.length === 0) return 0;
  const token = randomUUID();
  if ((await connection.call('set', [layout.unackedMutexKey, token, 'NX', 'PX', String(MUTEX_MS)])) === null) return 0;
  try {
    return await restore(connection, layout, candidates);
  } finally {
    if ((await connection.call('get', [layout.unackedMutexKey])) === token) await connection.call('del', [layout.unackedMutexKey]);
  }
}

async function restore(connection: RedisConnection, layout: RedisLayout, candidates: readonly string[]): Promise<number> {
  const tags = candidates.filter((_, index) => index % 2 === 0);
  const values = (await connection.call('hmget', [layout.unackedKey, ...tags])) as readonly (string | null)[];
  const args: string[] = [];
  for (const [index, tag] of tags.entries()) {
    const value = values[index] ?? null;
    const score = candidates[index * 2 + 1] as string;
    if (value === null) {
      // A score without a message: what is left of an acknowledgement that died half way.
      await connection.call('zrem', [layout.unackedIndexKey, tag]);
      continue;
    }
    const place = await placeOf(connection, layout, value);
    if (place !== undefined) args.push(tag, score, place.text, String(place.lists.length), ...place.lists);
  }
  return args.length === 0 ? 0 : Number(await connection.run(restoreForeignScript, [layout.unackedKey, layout.unackedIndexKey], args));
}

interface Place {
  readonly lists: readonly string[];
  readonly text: string;
}

/** Where a value `[message, exchange, routing key]` belongs; undefined when it cannot be read or routed. */
async function placeOf(connection: RedisConnection, layout: RedisLayout, value: string): Promise<Place | undefined> {
  let parts: unknown;
  let text: string;
  try {
    // Numbers go out as they came in, digit for digit.
    parts = readJson(value, { typedValues: 'keep', number: (digits) => new RawNumber(digits) });
    if (!Array.isArray(parts) || typeof parts[1] !== 'string' || typeof parts[2] !== 'string') return undefined;
    text = redeliveredText(writeJson(parts[0], 'plain'), 'death');
  } catch {
    return undefined;
  }
  if (text === '') return undefined;
  const [message, exchange, routingKey] = parts as unknown as readonly [unknown, string, string];
  // Which of several queues it came from nobody has written down: all of them get it, as with kombu.
  const queues = exchange === '' ? [routingKey] : await queuesOf(connection, layout, exchange, routingKey);
  const priority = priorityOf(message);
  return queues.length === 0 ? undefined : { lists: queues.map((queue) => priorityList(layout, queue, priority)), text };
}

async function queuesOf(connection: RedisConnection, layout: RedisLayout, exchange: string, routingKey: string): Promise<string[]> {
  const members = (await connection.call('smembers', [bindingKey(layout, exchange)])) as readonly string[];
  const bindings = members.map((member) => parseBinding(layout, member)).filter((binding) => binding !== undefined);
  return boundQueues(bindings, 'unknown', routingKey);
}

function priorityOf(message: unknown): number | undefined {
  const properties = typeof message === 'object' && message !== null ? (message as Record<string, unknown>)['properties'] : undefined;
  const priority = typeof properties === 'object' && properties !== null ? (properties as Record<string, unknown>)['priority'] : undefined;
  return priority instanceof RawNumber ? Number(priority.text) : undefined;
}
