/**
 * A message as kombu keeps it in a Redis list: one JSON text (WIRE 3.1). Written and read for every
 * task, so both ways are laid out for speed.
 */
import { ProtocolError } from '../errors.js';
import type { ReadEnvelope } from './envelope-skeleton.js';
import { EnvelopeSkeletons } from './envelope-skeletons.js';
import { HeaderSkeletons } from './header-skeleton.js';
import { readJson } from './json-reader.js';
import { RawNumber, writeJson } from './json-writer.js';
import { parseJson, stringifyJson } from './kombu-json.js';
import type { DeliveryInfo, Message, MessageProperties } from './message.js';
import { pythonRepr } from './python-repr.js';
import { isRecord, setOwn, textOr } from './record.js';

/** Where and under which tag a message is being published: what the broker adds to it. */
export interface Postmark {
  readonly deliveryTag: string;
  readonly deliveryInfo: DeliveryInfo;
}

/** Counts how often a message was given back after its owner was lost; Python passes it on unread. */
export const REDELIVERIES_HEADER = 'x-ctq-redeliveries';

/**
 * The envelope text.
 *
 * @param postmark - Takes the place of the message's own tag and delivery info; saves a copy of the message.
 */
export function encodeEnvelope(message: Message, postmark?: Postmark): string {
  const { properties } = message;
  return (
    `{"body": "${base64(message.body)}", "content-encoding": ${JSON.stringify(message.contentEncoding)}, ` +
    `"content-type": ${JSON.stringify(message.contentType)}, "headers": ${headerSkeletons.write(message.headers)}, ` +
    `"properties": {${encodeProperties(properties, postmark)}}}`
  );
}

const headerSkeletons = new HeaderSkeletons();

function encodeProperties(properties: MessageProperties, postmark: Postmark | undefined): string {
  const deliveryTag = postmark?.deliveryTag ?? properties.deliveryTag;
  const info = postmark?.deliveryInfo ?? properties.deliveryInfo;
  let out = '';
  if (properties.correlationId !== undefined) out += `"correlation_id": ${JSON.stringify(properties.correlationId)}, `;
  if (properties.replyTo !== undefined) out += `"reply_to": ${JSON.stringify(properties.replyTo)}, `;
  const { extra } = properties;
  if (extra !== undefined) {
    for (const name of Object.keys(extra)) {
      const value = extra[name];
      if (!KNOWN_PROPERTIES.has(name) && value !== undefined) out += `${JSON.stringify(name)}: ${stringifyJson(value)}, `;
    }
  }
  if (properties.timestamp !== undefined) out += `"timestamp": ${properties.timestamp}, `;
  out += `"delivery_mode": ${properties.deliveryMode ?? 2}, `;
  if (properties.expiration !== undefined) out += `"expiration": ${JSON.stringify(properties.expiration)}, `;
  out +=
    info === undefined
      ? '"delivery_info": {}, '
      : `"delivery_info": {"exchange": ${JSON.stringify(info.exchange)}, "routing_key": ${JSON.stringify(info.routingKey)}${
          info.redelivered === undefined ? '' : `, "redelivered": ${info.redelivered}`
        }}, `;
  out += `"priority": ${stringifyJson(properties.priority ?? 0)}, "body_encoding": "base64"`;
  return deliveryTag === undefined ? out : `${out}, "delivery_tag": ${JSON.stringify(deliveryTag)}`;
}

const KNOWN_PROPERTIES: ReadonlySet<string> = new Set([
  'correlation_id',
  'reply_to',
  'delivery_mode',
  'expiration',
  'timestamp',
  'delivery_info',
  'priority',
  'body_encoding',
  'delivery_tag',
]);

function base64(body: Uint8Array): string {
  return (Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength)).toString('base64');
}

/**
 * @throws ProtocolError for a text that no worker can use. What is merely missing (properties, tag,
 *   delivery info, headers) is left out of the message instead: Celery's workers end over it (WIRE 5).
 */
export function decodeEnvelope(text: string): Message {
  const known = skeletons.read(text);
  if (known !== undefined) return known;
  const read = parseEnvelope(text);
  skeletons.learn(read);
  return read.message;
}

/** {@link decodeEnvelope} without what is remembered of earlier ones. */
export function parseEnvelope(text: string): ReadEnvelope {
  const envelope = readText(() => parseJson(text));
  if (!isRecord(envelope)) throw malformed('the message is not a JSON object');
  const headers = envelope['headers'] ?? {};
  const properties = envelope['properties'] ?? {};
  if (!isRecord(headers)) throw malformed('the headers are not an object');
  if (!isRecord(properties)) throw malformed('the properties are not an object');
  const message = {
    headers,
    properties: decodeProperties(properties),
    contentType: textOr(envelope['content-type'], ''),
    contentEncoding: textOr(envelope['content-encoding'], 'utf-8'),
    body: decodeBody(envelope['body'], properties['body_encoding']),
  };
  return { text, message };
}

const skeletons = new EnvelopeSkeletons(decodeBase64);

function readText(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'CTQ_PROTOCOL_MALFORMED') throw error;
    throw malformed(`the message is not JSON: ${error.message}`);
  }
}

function decodeProperties(wire: Readonly<Record<string, unknown>>): MessageProperties {
  const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {};
  let extra: Record<string, unknown> | undefined;
  for (const name in wire) {
    const value = wire[name];
    switch (name) {
      case 'correlation_id':
        if (typeof value === 'string') properties.correlationId = value;
        break;
      case 'reply_to':
        if (typeof value === 'string') properties.replyTo = value;
        break;
      case 'delivery_mode':
        if (typeof value === 'number') properties.deliveryMode = value;
        break;
      case 'priority':
        if (typeof value === 'number') properties.priority = value;
        break;
      case 'expiration':
        if (typeof value === 'string') properties.expiration = value;
        break;
      case 'timestamp':
        if (typeof value === 'number') properties.timestamp = value;
        break;
      case 'delivery_tag':
        if (typeof value === 'string') properties.deliveryTag = value;
        break;
      case 'delivery_info':
        if (isRecord(value)) properties.deliveryInfo = decodeDeliveryInfo(value);
        break;
      case 'body_encoding':
        break;
      default:
        extra ??= {};
        setOwn(extra, name, value);
    }
  }
  if (extra !== undefined) properties.extra = extra;
  return properties;
}

function decodeDeliveryInfo(wire: Readonly<Record<string, unknown>>): DeliveryInfo {
  const exchange = textOr(wire['exchange'], '');
  const routingKey = textOr(wire['routing_key'], '');
  return typeof wire['redelivered'] === 'boolean' ? { exchange, routingKey, redelivered: wire['redelivered'] } : { exchange, routingKey };
}

function decodeBody(body: unknown, encoding: unknown): Uint8Array {
  if (body === undefined || body === null) return Buffer.alloc(0);
  if (typeof body !== 'string') throw malformed('the body is not text');
  if (encoding === 'base64') return decodeBase64(body);
  if (encoding === undefined || encoding === null || encoding === 'utf-8') return Buffer.from(body, 'utf8');
  throw malformed(`unknown body_encoding ${pythonRepr(encoding).slice(0, 80)}`);
}

/** Node skips what is not base64; then the result is shorter than the text promised. */
function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (bytes.length === (text.length / 4) * 3 - padding) return bytes;
  // Line breaks inside are legal for Python's decoder, missing padding is not.
  const compact = text.replaceAll(/\s+/g, '');
  if (compact.length % 4 === 0 && /^[A-Za-z0-9+/_-]*={0,2}$/.test(compact)) return bytes;
  throw malformed('the body is not base64');
}

/**
 * The same envelope for another try: a fresh tag, both redelivered flags (WIRE 6.5), and one more in
 * {@link REDELIVERIES_HEADER}. Numbers go out digit for digit as they came.
 */
export function redeliver(text: string, change: { readonly deliveryTag: string; readonly after: 'death' | 'return' }): string {
  const envelope = readText(() => readJson(text, { typedValues: 'keep', number: (digits) => new RawNumber(digits) }));
  if (!isRecord(envelope)) throw malformed('the message is not a JSON object');
  const headers = isRecord(envelope['headers']) ? envelope['headers'] : {};
  const properties = isRecord(envelope['properties']) ? envelope['properties'] : {};
  const info = isRecord(properties['delivery_info']) ? properties['delivery_info'] : {};
  const count = rawCount(headers[REDELIVERIES_HEADER]);
  headers[REDELIVERIES_HEADER] = change.after === 'death' ? count + 1 : Math.max(count, 1);
  headers['redelivered'] = true;
  info['redelivered'] = true;
  properties['delivery_info'] = info;
  properties['delivery_tag'] = change.deliveryTag;
  envelope['headers'] = headers;
  envelope['properties'] = properties;
  return writeJson(envelope, 'plain');
}

/** How often a message was redelivered by ctq; at least 1 when anybody flagged it. */
export function redeliveryCount(message: Message): number {
  const count = rawCount(message.headers[REDELIVERIES_HEADER]);
  if (count > 0) return count;
  return message.headers['redelivered'] === true || message.properties.deliveryInfo?.redelivered === true ? 1 : 0;
}

function rawCount(value: unknown): number {
  const count = value instanceof RawNumber ? Number(value.text) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', what);
}
