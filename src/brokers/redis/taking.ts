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
import type { HeldItem, Take } from './delivery.js';
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
  readonly take: Take;
  /** Recorded as ours, in the order of taking. */
  readonly items: readonly TakenItem[];
  /** Put aside by the script; to be reported. */
  readonly malformed: readonly MalformedDelivery[];
  /** The queues that delivered, the last one last. */
  readonly served: readonly string[];
  /** How many items left the lists. */
  readonly count: number;
}

/** What the script took for a message: one, or something to be put aside and reported. */
export type TakenItem =
  | { readonly held: HeldItem; readonly message: Message; readonly malformed: undefined }
  | { readonly held: HeldItem; readonly message: undefined; readonly malformed: MalformedDelivery };

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

type RawAnswer = readonly [
  takenAt: Buffer,
  messages: readonly Buffer[],
  runs: Buffer,
  named: readonly (number | Buffer)[],
  dead: readonly (number | Buffer)[],
];

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

function readAnswer({ plan, number }: TakeOrder, [takenAt, messages, runs, named, dead]: RawAnswer): Taken {
  const take: Take = { number, takenAt: takenAt.toString('latin1'), open: messages.length, held: [] };
  const namedTags = new Map<number, string>();
  for (let index = 0; index < named.length; index += 2) namedTags.set(Number(named[index]), String(named[index + 1]));
  const served = new Set<string>();
  const items: TakenItem[] = [];
  for (const [listNumber, length] of parseRuns(runs)) {
    const queue = plan.queues[(listNumber - 1) % plan.queues.length] as string;
    const list = plan.lists[listNumber - 1] as string;
    // Again at the end: sets remember the first place.
    served.delete(queue);
    served.add(queue);
    for (const stop = items.length + length; items.length < stop; ) {
      const raw = messages[items.length] as Buffer;
      const text = raw.toString('utf8');
      const message = readMessage(text);
      const tag = namedTags.get(items.length + 1) ?? tagAtTheEnd(text, raw, message);
      const held: HeldItem = { tag, queue, list, take, position: items.length };
      if (message instanceof ProtocolError) {
        // A copy: the answer's own memory is that of the whole reply.
        items.push({ held, message: undefined, malformed: { queue, raw: Buffer.from(raw), error: message } });
      } else {
        items.push({ held, message, malformed: undefined });
      }
    }
  }
  return { take, items, malformed: readDead(plan, dead), served: [...served], count: items.length + dead.length / 2 };
}

function readDead(plan: TakePlan, dead: readonly (number | Buffer)[]): MalformedDelivery[] {
  const malformed: MalformedDelivery[] = [];
  for (let index = 0; index < dead.length; index += 2) {
    const queue = plan.queues[(Number(dead[index]) - 1) % plan.queues.length] as string;
    const raw = Buffer.from(dead[index + 1] as Buffer);
    const problem = readMessage(raw.toString('utf8'));
    const error =
      problem instanceof ProtocolError ? problem : new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message is not JSON as Redis reads it');
    malformed.push({ queue, raw, error });
  }
  return malformed;
}

/** The script found it there (WIRE 3.1). A string of its own: a piece of the text would keep all of it for as long as the tag is known. */
function tagAtTheEnd(text: string, raw: Buffer, message: Message | ProtocolError): string {
  const tag = message instanceof ProtocolError ? undefined : message.properties.deliveryTag;
  return tag !== undefined && tag.length === 36 && text.endsWith(tag, text.length - 3) ? tag : raw.subarray(-39, -3).toString('latin1');
}

/** `3:12;1:4` */
function* parseRuns(runs: Buffer): Generator<readonly [list: number, length: number]> {
  if (runs.length === 0) return;
  for (const run of runs.toString('latin1').split(';')) {
    const colon = run.indexOf(':');
    yield [Number(run.slice(0, colon)), Number(run.slice(colon + 1))];
  }
}

function readMessage(text: string): Message | ProtocolError {
  try {
    const message = decodeEnvelope(text);
    if (message.contentType !== '' || message.body.length > 0) return message;
    return new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message has neither a body nor a content type');
  } catch (error) {
    return error instanceof ProtocolError ? error : new ProtocolError('CTQ_PROTOCOL_MALFORMED', String(error), { cause: error });
  }
}
