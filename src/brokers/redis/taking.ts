/** One call of `take.lua`: what is asked, and what the answer means. */
import { randomUUID } from 'node:crypto';
import type { MalformedDelivery } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import { ProtocolError } from '../../errors.js';
import { faultPoint } from '../../fault-points.js';
import { decodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { deadLettersKey, queueLists, type RedisLayout, unackedTail } from './keys.js';
import { heldKeys } from './own.js';
import { takeScript } from './scripts.js';
import { DEAD_LETTERS_KEPT } from './unacked.js';

/** The keys and texts of a set of queues in their turn; made once and used until the turn changes. */
export interface TakePlan {
  readonly queues: readonly string[];
  /** For each priority step, for each queue: in the order of serving. */
  readonly lists: readonly string[];
  readonly keys: readonly string[];
  readonly tails: readonly string[];
}

export interface Taken {
  /** By the server, in seconds, digit for digit: the score of everything taken with it. */
  readonly takenAt: string;
  readonly items: readonly TakenItem[];
  /** Put aside by the script; to be reported. */
  readonly malformed: readonly MalformedDelivery[];
  /** The queues that delivered, the last one last. */
  readonly served: readonly string[];
  /** How many items left the lists. */
  readonly count: number;
}

/** Something that is recorded as ours. */
export interface TakenItem {
  readonly tag: string;
  readonly queue: string;
  /** The key it came from, and goes back to. */
  readonly list: string;
  /** undefined for what the script took for a message and is none: to be put aside by the caller. */
  readonly message: Message | undefined;
  readonly error: ProtocolError | undefined;
  readonly text: string;
  readonly raw: Buffer;
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
  /** Counts the takes of this consumer. */
  readonly number: number;
}

type RawAnswer = readonly [Buffer, readonly Buffer[], Buffer, readonly (number | Buffer)[], readonly (number | Buffer)[]];

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

function readAnswer({ plan }: TakeOrder, [takenAt, texts, runs, named, dead]: RawAnswer): Taken {
  const items: TakenItem[] = [];
  const namedTags = new Map<number, string>();
  for (let index = 0; index < named.length; index += 2) namedTags.set(Number(named[index]), String(named[index + 1]));
  const served = new Set<string>();
  for (const [number, length] of parseRuns(runs)) {
    const queue = plan.queues[(number - 1) % plan.queues.length] as string;
    const list = plan.lists[number - 1] as string;
    // Again at the end: sets remember the first place.
    served.delete(queue);
    served.add(queue);
    for (const stop = items.length + length; items.length < stop; ) {
      const raw = texts[items.length] as Buffer;
      const { message, text, error } = readMessage(raw);
      // The script found it at the end of the text (WIRE 3.1) or names it.
      const tag = namedTags.get(items.length + 1) ?? text.slice(-39, -3);
      items.push({ tag, queue, list, message, error, text, raw });
    }
  }
  const malformed: MalformedDelivery[] = [];
  for (let index = 0; index < dead.length; index += 2) {
    const queue = plan.queues[(Number(dead[index]) - 1) % plan.queues.length] as string;
    const raw = dead[index + 1] as Buffer;
    const error = readMessage(raw).error ?? new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message is not JSON as Redis reads it');
    malformed.push({ queue, raw: Buffer.from(raw), error });
  }
  return { takenAt: takenAt.toString('latin1'), items, malformed, served: [...served], count: texts.length + dead.length / 2 };
}

/** `3:12;1:4` */
function* parseRuns(runs: Buffer): Generator<readonly [list: number, length: number]> {
  if (runs.length === 0) return;
  for (const run of runs.toString('latin1').split(';')) {
    const colon = run.indexOf(':');
    yield [Number(run.slice(0, colon)), Number(run.slice(colon + 1))];
  }
}

interface Read {
  readonly text: string;
  readonly message: Message | undefined;
  readonly error: ProtocolError | undefined;
}

function readMessage(raw: Buffer): Read {
  const text = raw.toString('utf8');
  try {
    const message = decodeEnvelope(text);
    if (message.contentType === '' && message.body.length === 0) {
      throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message has neither a body nor a content type');
    }
    return { text, message, error: undefined };
  } catch (error) {
    const known = error instanceof ProtocolError ? error : new ProtocolError('CTQ_PROTOCOL_MALFORMED', String(error), { cause: error });
    return { text, message: undefined, error: known };
  }
}
