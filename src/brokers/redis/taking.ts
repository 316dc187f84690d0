/** One call of `take.lua`: what is asked, and what the answer means. */
import { randomUUID } from 'node:crypto';
import type { MalformedDelivery } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import { ProtocolError } from '../../errors.js';
import { faultPoint } from '../../fault-points.js';
import { decodeEnvelope, redeliveryCount } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { heldKeys } from './give-back.js';
import { deadLettersKey, queueLists, type RedisLayout, unackedTail } from './keys.js';
import { takeScript } from './scripts.js';
import { DEAD_LETTERS_KEPT, type RedisDeliveryParts } from './unacked.js';

/** The keys and texts of a set of queues in their turn; made once and used until the turn changes. */
export interface TakePlan {
  readonly queues: readonly string[];
  /** For each priority step, for each queue: in the order of serving. */
  readonly lists: readonly string[];
  readonly keys: readonly string[];
  readonly tails: readonly string[];
}

export interface Taken {
  readonly deliveries: readonly RedisDeliveryParts[];
  /** Reported only: the script or {@link unreadable} has put them aside. */
  readonly malformed: readonly MalformedDelivery[];
  /** Recorded as ours although no message: to be put aside by the caller. */
  readonly unreadable: readonly {
    readonly deliveryTag: string;
    readonly queue: string;
    readonly number: number;
    readonly reason: string;
  }[];
  /** The queues that delivered, the last one last. */
  readonly served: readonly string[];
  /** How many items left the lists. */
  readonly count: number;
}

export function takePlan(layout: RedisLayout, ownerId: string, queues: readonly string[]): TakePlan {
  const byQueue = queues.map((queue) => queueLists(layout, queue));
  const lists = layout.prioritySteps.flatMap((_, step) => byQueue.map((listsOfQueue) => listsOfQueue[step] as string));
  return {
    queues,
    lists,
    keys: [...heldKeys(layout, ownerId), ...lists, ...queues.map((queue) => deadLettersKey(layout, queue))],
    tails: queues.map(unackedTail),
  };
}

export interface TakeOrder {
  readonly layout: RedisLayout;
  readonly ownerId: string;
  readonly plan: TakePlan;
  readonly count: number;
  /** Deliveries taken so far by this consumer. */
  readonly number: number;
}

type RawAnswer = readonly [readonly Buffer[], Buffer, readonly (number | Buffer)[], readonly (number | Buffer)[]];

export async function take(connection: RedisConnection, order: TakeOrder): Promise<Taken> {
  const { layout, plan } = order;
  const args = [
    String(order.count),
    String(plan.queues.length),
    order.ownerId,
    String(order.number),
    layout.queueOrder === 'round_robin' ? 'round_robin' : 'greedy',
    randomUUID(),
    String(DEAD_LETTERS_KEPT),
    ...plan.tails,
  ];
  const answer = connection.runForBytes(takeScript, plan.keys, args);
  faultPoint('redis.take.sent');
  const raw = (await answer) as RawAnswer;
  faultPoint('redis.take.answered');
  return readAnswer(order, raw);
}

function readAnswer({ plan, number }: TakeOrder, [texts, runs, named, dead]: RawAnswer): Taken {
  const deliveries: RedisDeliveryParts[] = [];
  const malformed: MalformedDelivery[] = [];
  const unreadable: Taken['unreadable'][number][] = [];
  const namedTags = new Map<number, string>();
  for (let index = 0; index < named.length; index += 2) namedTags.set(Number(named[index]), String(named[index + 1]));
  const served = new Set<string>();
  let position = 0;
  for (const [list, length] of parseRuns(runs)) {
    const queue = plan.queues[(list - 1) % plan.queues.length] as string;
    // Again at the end: sets remember the first place.
    served.delete(queue);
    served.add(queue);
    for (const stop = position + length; position < stop; position += 1) {
      const bytes = texts[position] as Buffer;
      const namedTag = namedTags.get(position + 1);
      const read = readMessage(bytes);
      const about = { queue, number: number + position + 1 };
      if (read.message !== undefined) {
        const { message, text } = read;
        deliveries.push({ ...about, message, text, tag: namedTag ?? tagAtEnd(text), redeliveryCount: redeliveryCount(message) });
      } else {
        malformed.push({ queue, raw: Buffer.from(bytes), error: read.error });
        unreadable.push({ ...about, deliveryTag: namedTag ?? tagAtEnd(bytes.toString('utf8')), reason: read.error.message });
      }
    }
  }
  for (let index = 0; index < dead.length; index += 2) {
    const queue = plan.queues[(Number(dead[index]) - 1) % plan.queues.length] as string;
    const bytes = dead[index + 1] as Buffer;
    const read = readMessage(bytes);
    const error =
      read.message === undefined ? read.error : new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message is not JSON as Redis reads it');
    malformed.push({ queue, raw: Buffer.from(bytes), error });
  }
  return { deliveries, malformed, unreadable, served: [...served], count: texts.length + dead.length / 2 };
}

/** `3:12;1:4` */
function* parseRuns(runs: Buffer): Generator<readonly [list: number, length: number]> {
  if (runs.length === 0) return;
  for (const run of runs.toString('latin1').split(';')) {
    const colon = run.indexOf(':');
    yield [Number(run.slice(0, colon)), Number(run.slice(colon + 1))];
  }
}

type Read = { readonly message: Message; readonly text: string } | { readonly message: undefined; readonly error: ProtocolError };

function readMessage(bytes: Buffer): Read {
  try {
    const text = bytes.toString('utf8');
    const message = decodeEnvelope(text);
    if (message.contentType === '' && message.body.length === 0) {
      throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message has neither a body nor a content type');
    }
    return { message, text };
  } catch (error) {
    if (error instanceof ProtocolError) return { message: undefined, error };
    return { message: undefined, error: new ProtocolError('CTQ_PROTOCOL_MALFORMED', String(error), { cause: error }) };
  }
}

/** The tag that the script found at the end of the text, by the same look; those it found elsewhere it names. */
function tagAtEnd(text: string): string {
  return /"delivery_tag": ?"([A-Za-z0-9_.-]+)"\}\}$/.exec(text.slice(-120))?.[1] ?? '';
}
