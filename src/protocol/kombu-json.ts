/**
 * Celery's dialect of JSON (WIRE 2.2, 2.3) at nearly the speed of the native parser. Integers beyond
 * 2^53 are BigInt, `NaN` and `±Infinity` travel as bare words, and kombu's typed values become the
 * classes of `typed-values.ts`.
 */
import { ProtocolError } from '../errors.js';
import { MAX_JSON_DEPTH, readJson, tooDeep } from './json-reader.js';
import { writeJson } from './json-writer.js';
import { reviveTyped, type TypedForm } from './typed-values.js';

/** Characters of JSON that we are ready to parse; a 64 MiB body in base64 fits. */
const MAX_JSON_LENGTH = 128 * 1024 * 1024;

/**
 * @throws ProtocolError `CTQ_PROTOCOL_MALFORMED` with Python's words for what is wrong and where,
 *   `CTQ_PROTOCOL_TOO_LARGE` beyond 200 levels, 4300 digits or 128 Mi characters.
 */
export function parseJson(text: string): unknown {
  if (text.length > MAX_JSON_LENGTH) {
    throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `JSON of ${text.length} characters (at most ${MAX_JSON_LENGTH})`);
  }
  // V8 unescapes nothing in its error path, so a text with NaN costs one failed parse and one of ours.
  if (hasLongDigitRun(text)) return readJson(text, { typedValues: 'revive' });
  if (isDeep(text)) throw tooDeep();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return readJson(text, { typedValues: 'revive' });
  }
  return text.includes('__type__') ? reviveTree(value) : value;
}

/**
 * @param form - `plain` writes dates, UUIDs and decimals as strings, for readers with kombu 5.2.
 * @throws ProtocolError `CTQ_PROTOCOL_UNENCODABLE` for what JSON cannot hold, in Python's words.
 */
export function stringifyJson(value: unknown, form: TypedForm = 'typed'): string {
  if (isPlain(value, 0)) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) return 'null';
    if (!text.includes('"__type__"')) return text;
  }
  return writeJson(value, form);
}

/**
 * Whether some run of digits might be an integer that a double cannot hold. A run of 16 digits covers
 * an index ≡ 15 (mod 16), so it is enough to look at every 16th character: 0.1 µs for a task message
 * where a regular expression takes 0.3.
 */
export function hasLongDigitRun(text: string): boolean {
  for (let index = 15; index < text.length; index += 16) {
    // Such a run reaches eight to one side at least; UUIDs and offsets in a text mostly do not.
    if (!isDigit(text.charCodeAt(index)) || !(isDigit(text.charCodeAt(index - 8)) || isDigit(text.charCodeAt(index + 8)))) continue;
    let start = index;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    let end = index + 1;
    while (end < text.length && isDigit(text.charCodeAt(end))) end++;
    if (end - start >= 16) return true;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Counting brackets is enough for nearly every text; only one with more than 200 is looked at closely. */
function isDeep(text: string): boolean {
  if (text.length <= 2 * MAX_JSON_DEPTH) return false;
  let brackets = 0;
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++brackets > MAX_JSON_DEPTH) return nestsTooDeep(text);
    }
  }
  return false;
}

function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22 /* " */:
        for (at++; at < text.length; at++) {
          const code = text.charCodeAt(at);
          if (code === 0x22) break;
          if (code === 0x5c /* \ */) at++;
        }
        break;
      case 0x5b /* [ */:
      case 0x7b /* { */:
        if (++depth > MAX_JSON_DEPTH) return true;
        break;
      case 0x5d /* ] */:
      case 0x7d /* } */:
        depth--;
    }
  }
  return false;
}

function reviveTree(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = reviveTree(value[index]);
    return value;
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    // Also one that is called __proto__: it is the object’s own, and stays that.
    object[key] = reviveTree(object[key]);
  }
  return reviveTyped(object);
}

/** Whether `JSON.stringify` writes it as we would. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value) && (value !== 0 || 1 / value > 0);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth >= MAX_JSON_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isPlain(value[index], depth + 1)) return false;
    }
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const object = value as Record<string, unknown>;
  for (const key in object) {
    if (!isPlain(object[key], depth + 1)) return false;
  }
  return typeof object['toJSON'] !== 'function';
}
