/** One key taken apart: a page of what it holds, each member read for what it is. */
import { parseBinding } from '../../brokers/redis/bindings.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { KeyContents, KeyEntry, KeyPage, KeyReport } from '../../estate/keys.js';
import { isRecord } from '../../protocol/record.js';
import { instantOf, readValue } from '../key-values.js';
import { queueOfList } from './queue-names.js';
import type { RedisStore } from './store.js';

/** A member as the server gives it: field or index, value, score of a sorted set. */
interface RawMember {
  readonly name: string;
  readonly value: Buffer;
  readonly score?: number;
}

interface RawPage {
  readonly members: readonly RawMember[];
  readonly more: boolean;
}

/** A string of this length is no result and no message. */
const LONGEST_STRING = 64 * 1024 * 1024;

export async function showKey(store: RedisStore, report: KeyReport, page: KeyPage): Promise<KeyContents> {
  const { members, more } = await store.read((connection) => readMembers(connection, report, page));
  const entries = (await Promise.all(members.map((member) => entriesOf(store, report, member)))).flat();
  return { ...report, entries, more };
}

/** A document is shown field by field; a member of a larger key is one entry. */
async function entriesOf({ layout }: RedisStore, { kind, type }: KeyReport, { name, value, score }: RawMember): Promise<KeyEntry[]> {
  const text = value.toString('utf8');
  if (kind === 'binding') return [{ name, value: bindingOf(layout, text) }];
  if (kind === 'unacked index' && score !== undefined) return [{ name: text, value: { since: instantOf(score) } }];
  if (kind === 'delayed' && score !== undefined) {
    const [tag = '', list = ''] = text.split('\0');
    return [{ name: tag, value: { queue: queueOfList(layout, list).queue, due: instantOf(score) } }];
  }
  const read = await readValue(kind, value);
  if (type === 'string')
    return isRecord(read) ? Object.entries(read).map(([field, one]) => ({ name: field, value: one })) : [{ name, value: read }];
  return [{ name, value: score === undefined ? read : { score, value: read } }];
}

function bindingOf(layout: RedisStore['layout'], text: string): unknown {
  const binding = parseBinding(layout, text);
  return binding === undefined ? text : { queue: binding.queue, routing_key: binding.routingKey, pattern: binding.pattern };
}

async function readMembers(connection: RedisConnection, { name, type, kind }: KeyReport, page: KeyPage): Promise<RawPage> {
  switch (type) {
    case 'list':
      return readList(connection, name, page, kind === 'dead letters' || kind === 'chord' ? 'from the left' : 'next one first');
    case 'zset':
      return readSortedSet(connection, name, page);
    case 'hash':
      return readScanned(connection, 'hscan', name, page);
    case 'set':
      return readScanned(connection, 'sscan', name, page);
    case 'string': {
      const value = (await connection.callForBytes('getrange', [name, '0', String(LONGEST_STRING)])) as Buffer;
      return { members: [{ name: 'value', value }], more: false };
    }
    default:
      return { members: [{ name: 'value', value: Buffer.from(`ctq does not look into a ${type}`) }], more: false };
  }
}

/** Queues are published to at the left end and consumed at the right one (WIRE 6.2). */
async function readList(
  connection: RedisConnection,
  name: string,
  { offset, limit }: KeyPage,
  order: 'next one first' | 'from the left',
): Promise<RawPage> {
  const range = order === 'from the left' ? [offset, offset + limit] : [-(offset + limit + 1), -(offset + 1)];
  const items = (await connection.callForBytes('lrange', [name, ...range.map(String)])) as readonly Buffer[];
  const ordered = order === 'from the left' ? items : [...items].reverse();
  const members = ordered.slice(0, limit).map((value, index) => ({ name: String(offset + index), value }));
  return { members, more: items.length > limit };
}

async function readSortedSet(connection: RedisConnection, name: string, { offset, limit }: KeyPage): Promise<RawPage> {
  const flat = (await connection.callForBytes('zrange', [name, String(offset), String(offset + limit), 'WITHSCORES'])) as readonly Buffer[];
  const members = pairs(flat).map(([value, score], index) => ({ name: String(offset + index), value, score: Number(score.toString()) }));
  return { members: members.slice(0, limit), more: members.length > limit };
}

/** In no order, so that a page is whatever comes after so many. */
async function readScanned(
  connection: RedisConnection,
  command: 'hscan' | 'sscan',
  name: string,
  { offset, limit }: KeyPage,
): Promise<RawPage> {
  const members = new Map<string, RawMember>();
  let cursor = '0';
  do {
    const [next, flat] = (await connection.callForBytes(command, [name, cursor, 'COUNT', '200'])) as readonly [Buffer, readonly Buffer[]];
    const page: readonly (readonly [Buffer, Buffer])[] = command === 'hscan' ? pairs(flat) : flat.map((value) => [value, value] as const);
    for (const [field, value] of page) {
      const id = field.toString('latin1');
      if (!members.has(id)) members.set(id, { name: command === 'hscan' ? field.toString('utf8') : String(members.size), value });
    }
    cursor = next.toString();
  } while (cursor !== '0' && members.size <= offset + limit);
  const found = [...members.values()];
  return { members: found.slice(offset, offset + limit), more: found.length > offset + limit };
}

function pairs(flat: readonly Buffer[]): (readonly [Buffer, Buffer])[] {
  return Array.from(
    { length: Math.floor(flat.length / 2) },
    (_none, index) => [flat[index * 2] as Buffer, flat[index * 2 + 1] as Buffer] as const,
  );
}
