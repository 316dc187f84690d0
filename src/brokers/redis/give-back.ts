/** Gives back what an owner holds, in the order in which it was taken: for the dead, and for those who leave. */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../connections/redis.js';
import { faultPoint } from '../../fault-points.js';
import { redeliver } from '../../protocol/envelope.js';
import { ownersKey, ownKey, type RedisLayout, unwrapUnacked } from './keys.js';
import { giveBackScript } from './scripts.js';

/** Short enough that the server serves others in between (RELIABILITY M30). */
const BATCH = 100;

export interface GiveBackOptions {
  readonly connection: RedisConnection;
  readonly layout: RedisLayout;
  readonly ownerId: string;
  /** The beat at which the owner was seen dead; '' when we are that owner. */
  readonly lastBeat: string;
  /** Stops early when this says so. */
  readonly enough?: () => boolean;
}

export interface OwnRecord {
  readonly tag: string;
  /** Counts the owner's deliveries in the order of taking. */
  readonly number: number;
}

/** @returns How many deliveries went back. */
export async function giveBackAll(options: GiveBackOptions): Promise<number> {
  const { connection, layout, ownerId, lastBeat, enough } = options;
  const records = await ownRecords(connection, layout, ownerId);
  // The last taken is pushed first, so that the first taken is served first.
  records.sort((a, b) => b.number - a.number);
  let restored = 0;
  for (let start = 0; start < records.length || start === 0; start += BATCH) {
    if (start > 0 && enough?.() === true) break;
    const tags = records.slice(start, start + BATCH).map(({ tag }) => tag);
    const args: string[] = [ownerId, lastBeat];
    if (tags.length > 0) {
      const values = (await connection.call('hmget', [layout.unackedKey, ...tags])) as readonly (string | null)[];
      faultPoint('redis.give-back.read');
      for (const [index, tag] of tags.entries()) args.push(tag, redelivered(values[index] ?? null));
    }
    // With nothing to give back the call still strikes a dead owner off the list.
    const count = Number(await connection.run(giveBackScript, heldKeys(layout, ownerId), args));
    faultPoint('redis.give-back.done');
    if (count < 0) break;
    restored += count;
  }
  return restored;
}

/** What the server says this owner holds. */
export async function ownRecords(connection: RedisConnection, layout: RedisLayout, ownerId: string): Promise<OwnRecord[]> {
  // In capitals, because the driver makes an object of the answer to `hgetall`.
  const flat = (await connection.call('HGETALL', [ownKey(layout, ownerId)])) as readonly string[];
  const records: OwnRecord[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    records.push({ tag: flat[index] as string, number: Number((flat[index + 1] as string).split(' ', 2)[1]) });
  }
  return records;
}

/** The four keys that `held.lua` expects. */
export function heldKeys(layout: RedisLayout, ownerId: string): readonly string[] {
  return [layout.unackedKey, layout.unackedIndexKey, ownKey(layout, ownerId), ownersKey(layout)];
}

function redelivered(value: string | null): string {
  const text = value === null ? undefined : unwrapUnacked(value);
  return text === undefined ? '' : redeliveredText(text);
}

/** The message for its next delivery; '' (put it back as it is) when its bytes would not survive our hands. */
export function redeliveredText(text: string): string {
  // The replacement character: these bytes were not UTF-8.
  if (text.includes('\ufffd')) return '';
  try {
    return redeliver(text, { deliveryTag: randomUUID() });
  } catch {
    return '';
  }
}
