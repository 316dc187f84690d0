/** Our messages as AMQP's basic properties, headers and body, and back (docs/wire/amqp.md). */
import type { Queue } from '../../broker.js';
import type { AmqpDelivered } from '../../connections/amqp.js';
import { ProtocolError } from '../../errors.js';
import { REDELIVERIES_HEADER } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { isRecord } from '../../protocol/record.js';
import { keyBehindDelay } from './delays.js';

/** When a parked message is due, in milliseconds since 1970. */
export const DUE_HEADER = 'x-ctq-due';
/** Where a message was published before we published it again by the name of its queue. */
const EXCHANGE_HEADER = 'x-ctq-exchange';
const ROUTING_KEY_HEADER = 'x-ctq-routing-key';
/** Its own time to live, which would end too early in a queue that only holds it for a while. */
const EXPIRATION_HEADER = 'x-ctq-expiration';
/** Why a dead letter is one. */
export const REASON_HEADER = 'x-ctq-reason';
const LONGEST_REASON = 2_000;
const DEAD_LETTERS_KEPT = 10_000;
/** Counted by quorum queues: how often a message went back. */
export const DELIVERY_COUNT_HEADER = 'x-delivery-count';
const OURS: ReadonlySet<string> = new Set([
  DUE_HEADER,
  EXCHANGE_HEADER,
  ROUTING_KEY_HEADER,
  EXPIRATION_HEADER,
  REDELIVERIES_HEADER,
  DELIVERY_COUNT_HEADER,
]);
/**
 * RabbitMQ's record of the queues that a message has been through. That of a ladder does not travel on: a message that
 * comes to a step which it says it has been on is taken for one that runs in a circle, and dropped.
 */
const DEATH_HEADER = /^x-(?:death|(?:first|last)-death-.*)$/;

const LARGEST_INT32 = 2 ** 31 - 1;
const LARGEST_INT64 = 2n ** 63n - 1n;
const SMALLEST_BIGINT = BigInt(Number.MIN_SAFE_INTEGER);
/** A header table must fit into one frame, together with the other properties. */
const LARGEST_KEY = 255;

/** What the driver's `publish` takes. */
export type PublishOptions = Readonly<Record<string, unknown>>;

/** Properties of AMQP that Celery leaves alone, by kombu's names for them and the driver's. */
const EXTRA_PROPERTIES: readonly (readonly [wire: string, driver: string])[] = [
  ['app_id', 'appId'],
  ['message_id', 'messageId'],
  ['type', 'type'],
  ['user_id', 'userId'],
  ['cluster_id', 'clusterId'],
];

/**
 * @throws ProtocolError for headers that no AMQP table can hold.
 */
export function encodeProperties(message: Message): PublishOptions {
  const { properties, headers } = message;
  const options: Record<string, unknown> = {
    headers: encodeTable(headers),
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    deliveryMode: properties.deliveryMode ?? 2,
    priority: Math.min(Math.max(Math.trunc(properties.priority ?? 0) || 0, 0), 255),
  };
  if (properties.correlationId !== undefined) options['correlationId'] = properties.correlationId;
  if (properties.replyTo !== undefined) options['replyTo'] = properties.replyTo;
  if (properties.expiration !== undefined) options['expiration'] = properties.expiration;
  if (properties.timestamp !== undefined) options['timestamp'] = properties.timestamp;
  const { extra } = properties;
  if (extra === undefined) return options;
  for (const [wire, driver] of EXTRA_PROPERTIES) if (typeof extra[wire] === 'string') options[driver] = extra[wire];
  return options;
}

export function bodyBytes({ body }: Message): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

/** What goes back into a queue, or into another one, by our own hand. */
export interface Readdressed {
  readonly redeliveries?: number;
  readonly dueAtMs?: number;
}

/** The same message to be published to its queue by name: where it was published first is kept in headers. */
export function readdressed(message: Message, { redeliveries = 0, dueAtMs }: Readdressed): Message {
  const { deliveryInfo, expiration, deliveryTag: _tag, ...properties } = message.properties;
  return {
    ...message,
    headers: {
      ...message.headers,
      ...(redeliveries > 0 ? { [REDELIVERIES_HEADER]: redeliveries } : {}),
      ...(dueAtMs === undefined ? {} : { [DUE_HEADER]: dueAtMs }),
      ...(deliveryInfo === undefined ? {} : { [EXCHANGE_HEADER]: deliveryInfo.exchange, [ROUTING_KEY_HEADER]: deliveryInfo.routingKey }),
      ...(expiration === undefined ? {} : { [EXPIRATION_HEADER]: expiration }),
    },
    properties,
  };
}

/** What was rejected from a queue is kept here, the oldest giving way when there are very many. Classic, for a quorum queue counts how often one has looked. */
export function deadLetterQueue(queue: string): Queue {
  const name = `ctq.dead.${queue}`;
  return {
    name,
    exchange: { name: '', type: 'direct' },
    routingKey: name,
    arguments: { 'x-queue-type': 'classic', 'x-max-length': DEAD_LETTERS_KEPT },
  };
}

export function deadLetter(message: Message, reason: string): Message {
  const kept = readdressed(message, {});
  return { ...kept, headers: { ...kept.headers, [REASON_HEADER]: reason.slice(0, LONGEST_REASON) } };
}

/** A message as it was delivered, with what the wire says beside it. */
export interface Arrived {
  readonly message: Message;
  readonly redeliveryCount: number;
  /** What of it is a number and no flag. */
  readonly counted: number;
  /** A classic queue says that it was delivered before, and not how often. */
  readonly onlyFlagged: boolean;
  /** Milliseconds since 1970; 0 for now. */
  readonly dueAtMs: number;
}

/** What came by a consumption, or was asked for one by one. */
export type Delivered = Pick<AmqpDelivered, 'properties' | 'content'> & {
  readonly fields: Pick<AmqpDelivered['fields'], 'redelivered' | 'exchange' | 'routingKey'>;
};

export function decodeDelivered({ fields, properties, content }: Delivered): Arrived {
  const raw: Readonly<Record<string, unknown>> = isRecord(properties.headers) ? properties.headers : {};
  const dueAtMs = wholeNumber(raw[DUE_HEADER]);
  const counted = Math.max(wholeNumber(raw[REDELIVERIES_HEADER]), wholeNumber(raw[DELIVERY_COUNT_HEADER]));
  const redeliveryCount = Math.max(counted, fields.redelivered ? 1 : 0);
  const exchange = textOr(raw[EXCHANGE_HEADER], fields.exchange);
  const delayedKey = keyBehindDelay(fields);
  const routingKey = textOr(raw[ROUTING_KEY_HEADER], delayedKey ?? fields.routingKey);
  const expiration = textOr(raw[EXPIRATION_HEADER], textOr(properties.expiration, undefined));
  const known: Record<string, unknown> = {
    deliveryInfo: { exchange, routingKey, ...(redeliveryCount > 0 ? { redelivered: true } : {}) },
  };
  if (properties.correlationId !== undefined) known['correlationId'] = properties.correlationId;
  if (properties.replyTo !== undefined) known['replyTo'] = properties.replyTo;
  if (properties.deliveryMode !== undefined) known['deliveryMode'] = properties.deliveryMode;
  if (properties.priority !== undefined) known['priority'] = properties.priority;
  if (expiration !== undefined) known['expiration'] = expiration;
  if (typeof properties.timestamp === 'number') known['timestamp'] = properties.timestamp;
  const extra = extraOf(properties as unknown as Readonly<Record<string, unknown>>);
  if (extra !== undefined) known['extra'] = extra;
  return {
    message: {
      headers: decodeHeaders(raw, dueAtMs > 0 || delayedKey !== undefined),
      properties: known,
      contentType: textOr(properties.contentType, 'application/data'),
      contentEncoding: textOr(properties.contentEncoding, 'binary'),
      body: content,
    },
    redeliveryCount,
    counted,
    onlyFlagged: fields.redelivered && raw[DELIVERY_COUNT_HEADER] === undefined,
    dueAtMs,
  };
}

function extraOf(properties: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  let extra: Record<string, unknown> | undefined;
  for (const [wire, driver] of EXTRA_PROPERTIES) {
    if (properties[driver] === undefined) continue;
    extra ??= {};
    extra[wire] = properties[driver];
  }
  return extra;
}

function decodeHeaders(raw: Readonly<Record<string, unknown>>, wasDelayed: boolean): Readonly<Record<string, unknown>> {
  const headers: Record<string, unknown> = {};
  for (const name of Object.keys(raw)) {
    if (name.startsWith('x-') && (OURS.has(name) || (wasDelayed && DEATH_HEADER.test(name)))) continue;
    const value = raw[name];
    headers[name] = typeof value === 'object' && value !== null ? decodeValue(value) : value;
  }
  return headers;
}

/** The driver marks what JavaScript has no type for; numbers and texts will do. */
function decodeValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  const record = value as Readonly<Record<string, unknown>>;
  if (record['!'] === 'timestamp') return record['value'];
  if (record['!'] === 'decimal') {
    const { digits, places } = record['value'] as { readonly digits: number; readonly places: number };
    return digits / 10 ** places;
  }
  return Object.fromEntries(Object.entries(record).map(([name, item]) => [name, decodeValue(item)]));
}

function encodeTable(table: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const encoded: Record<string, unknown> = {};
  for (const name of Object.keys(table)) {
    if (name.length > LARGEST_KEY / 4 && Buffer.byteLength(name) > LARGEST_KEY) throw unencodable(`a name of ${name.length} letters`);
    const value = table[name];
    encoded[name] = typeof value === 'string' ? value : encodeValue(value);
  }
  return encoded;
}

/**
 * Numbers in the tags that both the driver and py-amqp read alike (amqp/serialization.py): a short integer is a text to
 * py-amqp, a byte and a long one have no sign. What is left are 31 bits and a sign, 63 bits without, and floats.
 */
function encodeValue(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      if (value > LARGEST_INT64 || value < SMALLEST_BIGINT) throw unencodable('a whole number of more than 63 bits');
      return value < 0 ? encodeValue(Number(value)) : { '!': 'int64', value };
    case 'number':
      if (!Number.isSafeInteger(value)) return { '!': 'double', value };
      if (Math.abs(value) <= LARGEST_INT32) return { '!': 'int32', value };
      return { '!': value < 0 ? 'double' : 'int64', value };
    case 'object':
      if (value === null || Buffer.isBuffer(value)) return value;
      if (Array.isArray(value)) return value.map(encodeValue);
      if (value instanceof Uint8Array) return Buffer.from(value);
      if (value instanceof Date) return value.toISOString();
      // Marked, for a `!` of the user's own would be read as such a mark.
      return { '!': 'object', value: encodeTable(value as Readonly<Record<string, unknown>>) };
    case 'function':
    case 'symbol':
      throw unencodable(`a ${typeof value}`);
    default:
      return value;
  }
}

function unencodable(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `the headers hold ${what}, which AMQP cannot carry`, {
    hint: 'send it as a text, or as an argument',
  });
}

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function textOr<T>(value: unknown, fallback: T): string | T {
  return typeof value === 'string' ? value : fallback;
}
