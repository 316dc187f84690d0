/** A message taken apart for people: whatever can be told of it, nothing of it run, and no trouble with a bad one. */
import { type DecodeLimits, DEFAULT_DECODE_LIMITS, decompress } from './compression.js';
import type { Message, MessageProperties } from './message.js';
import { describePickle, type PickleDescription } from './pickle-description.js';
import { acceptedContent, SERIALIZER_NAMES } from './serializers.js';
import { ANYBODY } from './signing.js';
import { decodeTaskMessage, peekTask } from './task-message.js';

export interface MessageDescription {
  readonly id: string | null;
  readonly task: string | null;
  readonly args: unknown;
  readonly kwargs: unknown;
  /** What follows it. */
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  readonly chain: readonly unknown[] | null;
  readonly chord: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly content_type: string;
  readonly content_encoding: string;
  readonly compression: string | null;
  /** Of the body as it lies there. */
  readonly body_bytes: number;
  /** Of a body that is one: described, not loaded. */
  readonly pickle: PickleDescription | null;
  /** Why its body is not here. */
  readonly problem: string | null;
}

const READABLE = acceptedContent([...SERIALIZER_NAMES, 'auth'], ANYBODY);
const PICKLE = 'application/x-python-serialize';

export async function describeMessage(message: Message, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): Promise<MessageDescription> {
  const { headers, properties, contentType, contentEncoding, body } = message;
  const peek = peekTask(message);
  const compression = typeof headers['compression'] === 'string' && headers['compression'] !== '' ? headers['compression'] : null;
  return {
    id: peek?.id ?? null,
    task: peek?.task ?? null,
    ...(await describeBody(message, compression, limits)),
    headers,
    properties: wireProperties(properties),
    content_type: contentType,
    content_encoding: contentEncoding,
    compression,
    body_bytes: body.byteLength,
  };
}

/** By their names on the wire. */
function wireProperties({ extra, ...known }: MessageProperties): Record<string, unknown> {
  const { correlationId, replyTo, deliveryMode, priority, expiration, deliveryTag, deliveryInfo } = known;
  const info = deliveryInfo && {
    exchange: deliveryInfo.exchange,
    routing_key: deliveryInfo.routingKey,
    ...(deliveryInfo.redelivered === undefined ? {} : { redelivered: deliveryInfo.redelivered }),
  };
  const named = {
    ...{ correlation_id: correlationId, reply_to: replyTo, delivery_mode: deliveryMode, priority, expiration },
    ...{ delivery_tag: deliveryTag, delivery_info: info },
  };
  return { ...Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)), ...extra };
}

const NOTHING = { args: null, kwargs: null, callbacks: null, errbacks: null, chain: null, chord: null, pickle: null, problem: null };

async function describeBody(
  message: Message,
  compression: string | null,
  limits: DecodeLimits,
): Promise<typeof NOTHING | Pick<MessageDescription, keyof typeof NOTHING>> {
  try {
    if (message.contentType === PICKLE) {
      const body = compression === null ? message.body : await decompress(compression, message.body, limits);
      return { ...NOTHING, pickle: describePickle(body) };
    }
    const { id, task, args, kwargs, callbacks, errbacks, chain, chord } = await decodeTaskMessage(message, { accept: READABLE, limits });
    return { ...NOTHING, ...{ id, task }, args, kwargs, callbacks, errbacks, chain, chord };
  } catch (error) {
    return { ...NOTHING, problem: error instanceof Error ? error.message : String(error) };
  }
}
