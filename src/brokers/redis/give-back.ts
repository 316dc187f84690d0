/** Gives back what an owner holds, in the order in which it was taken: for the dead, and for those who leave. */
import { randomUUID } from 'node:crypto';
import type { ReturnCause } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import { faultPoint } from '../../fault-points.js';
import { redeliver } from '../../protocol/envelope.js';
import { type RedisLayout, unwrapUnacked } from './keys.js';
import { heldKeys, type TakeRecord, takeRecords } from './own.js';
import { giveBackScript } from './scripts.js';

/** Short enough that the server serves others in between (RELIABILITY M30), and no more than its owner held in memory itself. */
const BATCH = 200;

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
  // Read only now: held messages are worked on far more often than given back, and need no memory of ours meanwhile.
  const read = (start: number): Promise<ReadonlyMap<string, string>> => {
    const tags = items.slice(start, start + BATCH).map(({ tag }) => tag);
    const reading =
      how === 'as it is'
        ? Promise.resolve(NO_TEXTS)
        : redeliveredTexts(connection, layout, tags, () => (lastBeat === '' ? 'return' : 'death'));
    // Whoever gives up before it is asked for has said why.
    reading.catch(() => {});
    return reading;
  };
  let reading = read(0);
  for (let start = 0; start < items.length; start += BATCH) {
    const some = items.slice(start, start + BATCH);
    const texts = await reading;
    faultPoint('redis.give-back.read');
    // The next ones travel while these are written.
    reading = read(start + BATCH);
    const last = start + BATCH >= items.length;
    const args = [ownerId, lastBeat, take.takenAt, last ? String(take.number) : ''];
    for (const { tag, list } of some) args.push(tag, list, texts.get(tag) ?? '');
    const count = Number(await connection.run(giveBackScript, heldKeys(layout, ownerId), args));
    faultPoint('redis.give-back.done');
    if (count < 0) return -1;
    restored += count;
  }
  return restored;
}

const NO_TEXTS: ReadonlyMap<string, string> = new Map();

/** For each tag the message as it goes back; not for those that are gone, or go back as they are. */
export async function redeliveredTexts(
  connection: RedisConnection,
  layout: RedisLayout,
  tags: readonly string[],
  after: (tag: string) => ReturnCause,
): Promise<ReadonlyMap<string, string>> {
  if (tags.length === 0) return NO_TEXTS;
  const values = (await connection.call('hmget', [layout.unackedKey, ...tags])) as readonly (string | null)[];
  const texts = new Map<string, string>();
  for (const [index, tag] of tags.entries()) {
    const message = unwrapUnacked(values[index] ?? '');
    if (message !== undefined) texts.set(tag, redeliveredText(message, after(tag)));
  }
  return texts;
}

/** The message for its next delivery; '' (put it back as it is) when its bytes would not survive our hands. */
export function redeliveredText(text: string, after: ReturnCause): string {
  // The replacement character: these bytes were not UTF-8.
  if (text.includes('\ufffd')) return '';
  try {
    return redeliver(text, { deliveryTag: randomUUID(), after });
  } catch {
    return '';
  }
}
