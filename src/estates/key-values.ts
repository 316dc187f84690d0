/** What the bytes behind a key mean, whichever store they lie in. */
import type { KeyKind } from '../estate/keys.js';
import { parseJson } from '../protocol/kombu-json.js';
import { describeMessage } from '../protocol/message-description.js';
import { describePickle } from '../protocol/pickle-description.js';
import { readMessage } from './stored.js';

/** Of a text that is no message: more is no help to anybody. */
const LONGEST_TEXT = 65_536;
const LINE_FEED = 0x0a;
/** How a pickle of protocol 2 and later begins. */
const PICKLE_PROTO = 0x80;

/** A value of this kind of key, as JSON-like data. */
export async function readValue(kind: KeyKind, raw: Uint8Array): Promise<unknown> {
  if (kind === 'queue' || kind === 'reply queue' || kind === 'delayed') return describeRaw(raw);
  if (kind === 'unacked') return describeUnacked(raw);
  if (kind === 'dead letters' || kind === 'failed tasks') return describeKept(raw);
  // `result_serializer = 'pickle'`: a result is told, and never loaded.
  if ((kind === 'result' || kind === 'group result') && raw[0] === PICKLE_PROTO) return { pickle: describePickle(raw) };
  return readPlain(raw);
}

/** JSON as what it says, everything else as text. */
export function readPlain(raw: Uint8Array): unknown {
  const text = Buffer.from(raw.subarray(0, LONGEST_TEXT)).toString('utf8');
  if (raw.byteLength > LONGEST_TEXT) return `${text}… (${raw.byteLength} bytes)`;
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** Seconds since 1970, as scores have them. */
export function instantOf(seconds: number): string {
  const ms = seconds * 1000;
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(seconds);
}

async function describeRaw(raw: Uint8Array): Promise<unknown> {
  const message = readMessage(raw);
  return message === undefined ? readPlain(raw) : describeMessage(message);
}

/** A line about it, a line feed, the message as it was. */
async function describeKept(raw: Uint8Array): Promise<unknown> {
  const end = raw.indexOf(LINE_FEED);
  if (end < 0) return readPlain(raw);
  return { about: readPlain(raw.subarray(0, end)), message: await describeRaw(raw.subarray(end + 1)) };
}

/** `[message, exchange, routing key]`; the message as an object, however it was written. */
async function describeUnacked(raw: Uint8Array): Promise<unknown> {
  const value = readPlain(raw);
  if (!Array.isArray(value)) return value;
  const [, exchange, routingKey] = value as readonly unknown[];
  const whole = Buffer.from(raw);
  const [start, end] = [whole.indexOf('{'), whole.lastIndexOf('}')];
  return { exchange, routing_key: routingKey, message: await describeRaw(whole.subarray(start, end + 1)) };
}
