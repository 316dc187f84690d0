/** What a consumer owns, as the server keeps it: one record for each take (see `scripts/held.lua`). */
import type { RedisConnection } from '../../connections/redis.js';
import { ownersKey, ownKey, type RedisLayout } from './keys.js';

export interface TakeRecord {
  readonly number: number;
  /** Time of taking by the server, in seconds, digit for digit. */
  readonly takenAt: string;
  /** In the order of taking; what has been answered since may still be among them. */
  readonly items: readonly { readonly tag: string; readonly list: string }[];
}

/** The four keys that `held.lua` expects. */
export function heldKeys(layout: RedisLayout, ownerId: string): readonly string[] {
  return [layout.unackedKey, layout.unackedIndexKey, ownKey(layout, ownerId), ownersKey(layout)];
}

/** All takes of an owner of which something may be left, the last one first. */
export async function takeRecords(connection: RedisConnection, layout: RedisLayout, ownerId: string): Promise<TakeRecord[]> {
  // In capitals, because the driver makes an object of the answer to `hgetall`.
  const flat = (await connection.call('HGETALL', [ownKey(layout, ownerId)])) as readonly string[];
  const records: TakeRecord[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) records.push(readRecord(Number(flat[index]), flat[index + 1] as string));
  return records.sort((a, b) => b.number - a.number);
}

function readRecord(number: number, text: string): TakeRecord {
  const { at, runs, tags } = JSON.parse(text) as {
    readonly at: string;
    readonly runs: readonly (readonly [count: number, list: string])[];
    readonly tags: string;
  };
  const lists = runs.flatMap(([count, list]) => new Array<string>(count).fill(list));
  return { number, takenAt: at, items: tags.split(' ').map((tag, index) => ({ tag, list: lists[index] as string })) };
}
