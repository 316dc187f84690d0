/** Gives back what an owner holds, in the order in which it was taken: for the dead, and for those who leave. */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../connections/redis.js';
import { faultPoint } from '../../fault-points.js';
import { redeliver } from '../../protocol/envelope.js';
import { type RedisLayout, unwrapUnacked } from './keys.js';
import { heldKeys, type TakeRecord, takeRecords } from './own.js';
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

/** @returns How many deliveries went back. */
export async function giveBackAll(options: GiveBackOptions): Promise<number> {
  const { connection, layout, ownerId, lastBeat, enough } = options;
  let restored = 0;
  // The last taken is pushed first, so that the first taken is served first.
  const takes = await takeRecords(connection, layout, ownerId);
  for (const take of takes) {
    const count = await giveBackTake(options, take, 'as redelivered');
    if (count < 0) return restored;
    restored += count;
    if (enough?.() === true) return restored;
  }
  // With nothing to give back, the call still strikes a dead owner off the list.
  if (takes.length === 0) await connection.run(giveBackScript, heldKeys(layout, ownerId), [ownerId, lastBeat, '0', '']);
  return restored;
}

/** @returns How many deliveries went back; -1 when the owner has come back to life. */
export async function giveBackTake(options: GiveBackOptions, take: TakeRecord, how: 'as redelivered' | 'as it is'): Promise<number> {
  const { connection, layout, ownerId, lastBeat } = options;
  const items = [...take.items].reverse();
  let restored = 0;
  for (let start = 0; start < items.length; start += BATCH) {
    const some = items.slice(start, start + BATCH);
    const tags = some.map(({ tag }) => tag);
    const texts = how === 'as it is' ? [] : ((await connection.call('hmget', [layout.unackedKey, ...tags])) as readonly (string | null)[]);
    faultPoint('redis.give-back.read');
    const last = start + BATCH >= items.length;
    const args = [ownerId, lastBeat, take.takenAt, last ? String(take.number) : ''];
    for (const [index, { tag, list }] of some.entries()) args.push(tag, list, redelivered(texts[index] ?? null));
    const count = Number(await connection.run(giveBackScript, heldKeys(layout, ownerId), args));
    faultPoint('redis.give-back.done');
    if (count < 0) return -1;
    restored += count;
  }
  return restored;
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
