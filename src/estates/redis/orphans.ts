/**
 * Keys that nobody will ever want again, and how that is known:
 *
 * - a result or group without expiry: nothing removes it. (Not what a chord counts with: where results are kept for ever,
 *   that of a chord at work has no expiry either, and without it the body is never called);
 * - a list of replies that nobody has touched for a minute: a client that lives takes each reply at once (BRPOP);
 * - a binding to such a list; one to a list that is not there while nobody at all waits for a list; one of a fanout
 *   exchange while nobody at all subscribes to anything. (Redis does not tell who waits for which list. The binding
 *   of a common queue is never one: an empty queue has no key.)
 * - a delivery in `unacked` that `unacked_index` does not know.
 *
 * Where the server does not tell (LFU eviction has no idle time), nothing is an orphan.
 */
import { fanoutChannel } from '../../brokers/redis/keys.js';
import { parseBinding } from '../../brokers/redis/bindings.js';
import { toRedisFailure } from '../../connections/redis/failure.js';
import type { RedisConnection, RedisReply } from '../../connections/redis.js';
import type { RedisScript } from '../../connections/redis/script.js';
import type { KeyReport, OrphanReason } from '../../estate/keys.js';
import { adoptScript, dropBindingsScript, dropKeysScript, ownerlessScript } from './key-scripts.js';
import { keyNaming } from './key-names.js';
import type { FoundKey } from './keys.js';
import { scanned } from './scan.js';
import type { RedisStore } from './store.js';

/** Longer than any client waits between two looks at its replies. */
const IDLE_S = 60;
const PAGE = 200;
const KEEPABLE: ReadonlySet<string> = new Set(['result', 'group result']);

/** The same keys, as reports. */
export async function orphansAmong(store: RedisStore, keys: readonly FoundKey[]): Promise<KeyReport[]> {
  return Promise.all(
    keys.map(async ({ idleS, ...report }) => {
      const mark = (reason: OrphanReason, count: number): KeyReport => (count === 0 ? report : { ...report, orphan: { reason, count } });
      if (KEEPABLE.has(report.kind)) return mark('result without expiry', report.ttlMs === undefined ? 1 : 0);
      if (report.kind === 'reply queue') {
        return mark('reply queue of a client that is gone', idleS !== undefined && idleS >= IDLE_S ? 1 : 0);
      }
      if (report.kind === 'unacked' && report.type === 'hash')
        return mark('unacked without owner', (await collect(ownerlessTags(store))).length);
      if (report.kind === 'binding' && report.type === 'set')
        return mark('binding without queue', (await collect(lostBindings(store, report.name))).length);
      return report;
    }),
  );
}

/** Each is looked at again in the step that removes it. */
export async function removeOrphans(store: RedisStore, keys: readonly KeyReport[]): Promise<number> {
  const { unackedKey, unackedIndexKey } = store.layout;
  const run = async (script: RedisScript, scriptKeys: readonly string[], args: readonly string[]): Promise<number> =>
    Number(await store.write((connection) => connection.run(script, scriptKeys, args)));
  const because = (reason: OrphanReason): readonly string[] =>
    keys.filter(({ orphan }) => orphan?.reason === reason).map(({ name }) => name);
  let gone = 0;
  for (const key of because('binding without queue')) {
    const exchange = boundExchange(store, key);
    if (exchange === undefined) continue;
    const rule = [exchange.alive, exchange.channel, String(IDLE_S)];
    for await (const lost of lostBindings(store, key)) {
      gone += await run(dropBindingsScript, [key, ...lost.map(({ list }) => list)], [...rule, ...lost.map(({ member }) => member)]);
    }
  }
  for (const page of inPages(because('result without expiry'))) gone += await run(dropKeysScript, page, ['no expiry']);
  for (const page of inPages(because('reply queue of a client that is gone'))) {
    gone += await run(dropKeysScript, page, ['idle', String(IDLE_S)]);
  }
  if (because('unacked without owner').length > 0) {
    for await (const tags of ownerlessTags(store)) gone += await run(adoptScript, [unackedKey, unackedIndexKey], tags);
  }
  return gone;
}

function inPages(names: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / PAGE) }, (_none, index) => names.slice(index * PAGE, (index + 1) * PAGE));
}

async function* ownerlessTags(store: RedisStore): AsyncGenerator<readonly string[]> {
  const { unackedKey, unackedIndexKey } = store.layout;
  for (let cursor = ''; cursor !== '0'; ) {
    const args = [cursor === '' ? '0' : cursor, String(PAGE)];
    const [next, tags] = (await store.read((connection) => connection.run(ownerlessScript, [unackedKey, unackedIndexKey], args))) as [
      string,
      string[],
    ];
    if (tags.length > 0) yield tags;
    cursor = next;
  }
}

interface LostBinding {
  readonly member: string;
  readonly list: string;
}

/** Whose queues have one reader each: those of remote control and of events. undefined for all others. */
function boundExchange({ layout, resultKeys }: RedisStore, key: string): { alive: 'readers' | 'listeners'; channel: string } | undefined {
  const exchange = keyNaming(layout, resultKeys).exchangeOf(key) ?? '';
  if (/^reply\..+\.pidbox$/.test(exchange)) return { alive: 'readers', channel: '' };
  return /(\.pidbox|^celeryev)$/.test(exchange) ? { alive: 'listeners', channel: fanoutChannel(layout, exchange, '') } : undefined;
}

async function* lostBindings(store: RedisStore, key: string): AsyncGenerator<readonly LostBinding[]> {
  const { layout } = store;
  const exchange = boundExchange(store, key);
  if (exchange === undefined) return;
  const { alive, channel } = exchange;
  const deserted = await store.read((connection) => (alive === 'readers' ? nobodyWaits(connection) : nobodyListens(connection, channel)));
  if (alive === 'listeners' && !deserted) return;
  const step = (cursor: string) => store.read((connection) => connection.call('sscan', [key, cursor, 'COUNT', String(PAGE)]));
  for await (const members of scanned(step)) {
    const bound = members.flatMap((member) => {
      const queue = parseBinding(layout, member)?.queue;
      return queue === undefined ? [] : { member, list: layout.prefix + queue };
    });
    const idle = await store.read((connection) => Promise.all(bound.map(({ list }) => idleSeconds(connection, list))));
    const lost = bound.filter((_, index) => {
      const seconds = idle[index];
      return seconds === 'no list' ? deserted : seconds !== undefined && seconds >= IDLE_S;
    });
    if (lost.length > 0) yield lost;
  }
}

async function idleSeconds(connection: RedisConnection, list: string): Promise<number | 'no list' | undefined> {
  try {
    const seconds = await connection.call('object', ['IDLETIME', list]);
    return seconds === null ? 'no list' : Number(seconds);
  } catch {
    return undefined;
  }
}

/** No client of this server is blocked, and so none waits for a list. A server that does not say so proves nothing. */
async function nobodyWaits(connection: RedisConnection): Promise<boolean> {
  const info = await unlessRefused(connection.call('info', ['clients']));
  return /^blocked_clients:0\s*$/m.test(String(info));
}

/** Python subscribes by pattern, and the server only tells how many patterns there are in all. */
async function nobodyListens(connection: RedisConnection, channel: string): Promise<boolean> {
  const [patterns, subscribers] = await Promise.all([
    unlessRefused(connection.call('pubsub', ['NUMPAT'])),
    unlessRefused(connection.call('pubsub', ['NUMSUB', channel])),
  ]);
  return patterns === 0 && Array.isArray(subscribers) && subscribers[1] === 0;
}

async function unlessRefused(reply: Promise<RedisReply>): Promise<RedisReply | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (toRedisFailure(error).kind !== 'refused') throw error;
    return undefined;
  }
}

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}
