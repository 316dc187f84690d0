/**
 * What the envelopes of one kind of sender have in common. Two of them differ in a dozen texts; the rest is
 * the same letter by letter and need not be parsed again for each. A skeleton is made of an envelope that was
 * parsed, and reads one that equals it everywhere but in the gaps, in a quarter of the parser's time and
 * without most of its garbage. Everything else is the parser's; but a control character within a text, which
 * JSON forbids, passes here: to look for them would cost as much as all the rest.
 */
import type { DeliveryInfo, Message, MessageProperties } from './message.js';

/** An envelope's text, and what the parser made of it. */
export interface ReadEnvelope {
  readonly text: string;
  readonly message: Message;
}

/** Of a longer text parsing is not what it costs; and what is cut out of a text keeps all of it in memory. */
const LONGEST = 16 * 1024;
/** More digits may be a number that a double cannot hold. */
const COUNT = /^(?:0|[1-9]\d{0,14})$/;

/** Gaps that each envelope of a task has (WIRE 3.1, 4.1). */
const REQUIRED = [
  'body',
  'headers.task',
  'headers.id',
  'headers.root_id',
  'headers.argsrepr',
  'headers.kwargsrepr',
  'headers.origin',
  'properties.correlation_id',
  'properties.delivery_info.exchange',
  'properties.delivery_info.routing_key',
  'properties.delivery_tag',
] as const;
const REPLY_TO = 'properties.reply_to';
const TIMESTAMP = 'properties.timestamp';
const GROUP_INDEX = 'headers.group_index';
const COUNTS: ReadonlySet<string> = new Set([TIMESTAMP, GROUP_INDEX]);

type Required = (typeof REQUIRED)[number];

/** Which gap holds what; -1 for what the sender does not send. */
interface Places extends Readonly<Record<Required, number>> {
  readonly [REPLY_TO]: number;
  readonly [TIMESTAMP]: number;
  readonly [GROUP_INDEX]: number;
}

/** A header of the sender's own, a date, a parent: whatever else is sent as text. */
interface OtherHeader {
  readonly name: string;
  readonly gap: number;
}

export class EnvelopeSkeleton {
  /** What stands before each gap, and behind the last one. */
  readonly #between: readonly string[];
  readonly #places: Places;
  readonly #others: readonly OtherHeader[];
  readonly #headers: Readonly<Record<string, unknown>>;
  readonly #message: Message;
  readonly #deliveryInfo: DeliveryInfo;
  readonly #decodeBody: (text: string) => Uint8Array;

  /** @returns undefined for an envelope that tells nothing about the next one. */
  static of(read: ReadEnvelope, decodeBody: (text: string) => Uint8Array): EnvelopeSkeleton | undefined {
    const { text, message } = read;
    const { headers } = message;
    const { deliveryInfo } = message.properties;
    if (!isReadable(text) || text.includes('__proto__') || text.includes('__type__') || deliveryInfo === undefined) return undefined;
    if (!text.includes('"body_encoding": "base64"')) return undefined;
    const found = gapsOf(text);
    if (found === undefined) return undefined;
    const place = (path: string): number => found.findIndex((gap) => gap.path === path);
    const names = [...REQUIRED, REPLY_TO, TIMESTAMP, GROUP_INDEX] as const;
    const places = Object.fromEntries(names.map((path) => [path, place(path)])) as unknown as Places;
    if (REQUIRED.some((path) => places[path] < 0)) return undefined;
    const others = found.flatMap(({ path }, gap) =>
      path.startsWith('headers.') && !(path in places) ? [{ name: path.slice('headers.'.length), gap }] : [],
    );
    const between = found.map(({ start }, index) => text.slice(index === 0 ? 0 : (found[index - 1] as FoundGap).end, start));
    between.push(text.slice((found.at(-1) as FoundGap).end));
    for (const value of Object.values(headers)) freeze(value);
    return new EnvelopeSkeleton({ between, places, others, headers: { ...headers }, message, deliveryInfo, decodeBody });
  }

  private constructor(parts: {
    between: readonly string[];
    places: Places;
    others: readonly OtherHeader[];
    headers: Readonly<Record<string, unknown>>;
    message: Message;
    deliveryInfo: DeliveryInfo;
    decodeBody: (text: string) => Uint8Array;
  }) {
    this.#between = parts.between;
    this.#places = parts.places;
    this.#others = parts.others;
    this.#headers = parts.headers;
    this.#message = parts.message;
    this.#deliveryInfo = parts.deliveryInfo;
    this.#decodeBody = parts.decodeBody;
  }

  /**
   * The message, or undefined where the text is not of this kind.
   *
   * @param text - One that {@link isReadable}.
   */
  read(text: string): Message | undefined {
    const filling = this.#cut(text);
    if (filling === undefined) return undefined;
    const at = this.#places;
    const headers: Record<string, unknown> = {
      ...this.#headers,
      task: filling[at['headers.task']],
      id: filling[at['headers.id']],
      root_id: filling[at['headers.root_id']],
      argsrepr: filling[at['headers.argsrepr']],
      kwargsrepr: filling[at['headers.kwargsrepr']],
      origin: filling[at['headers.origin']],
    };
    for (const { name, gap } of this.#others) headers[name] = filling[gap];
    if (at[GROUP_INDEX] >= 0) headers['group_index'] = Number(filling[at[GROUP_INDEX]]);
    const message = this.#message;
    return {
      headers,
      properties: this.#properties(filling),
      contentType: message.contentType,
      contentEncoding: message.contentEncoding,
      body: this.#decodeBody(filling[at.body] as string),
    };
  }

  #properties(filling: readonly string[]): MessageProperties {
    const at = this.#places;
    const properties: { -readonly [Name in keyof MessageProperties]: MessageProperties[Name] } = {
      ...this.#message.properties,
      correlationId: filling[at['properties.correlation_id']] as string,
      deliveryInfo: {
        ...this.#deliveryInfo,
        exchange: filling[at['properties.delivery_info.exchange']] as string,
        routingKey: filling[at['properties.delivery_info.routing_key']] as string,
      },
      deliveryTag: filling[at['properties.delivery_tag']] as string,
    };
    if (at[REPLY_TO] >= 0) properties.replyTo = filling[at[REPLY_TO]] as string;
    if (at[TIMESTAMP] >= 0) properties.timestamp = Number(filling[at[TIMESTAMP]]);
    return properties;
  }

  /** What stands in the gaps. Comparing pieces that are cut out is several times faster than looking for them in the text. */
  #cut(text: string): readonly string[] | undefined {
    const between = this.#between;
    const last = between.length - 1;
    const filling: string[] = [];
    let from = 0;
    for (let gap = 0; gap < last; gap += 1) {
      const before = between[gap] as string;
      const start = from + before.length;
      if (text.substring(from, start) !== before) return undefined;
      // A text ends at its quote, a number where what follows it begins.
      const counted = gap === this.#places[TIMESTAMP] || gap === this.#places[GROUP_INDEX];
      from = text.indexOf(counted ? (between[gap + 1] as string).charAt(0) : '"', start);
      if (from < 0) return undefined;
      const content = text.substring(start, from);
      if (counted && !COUNT.test(content)) return undefined;
      filling.push(content);
    }
    return text.length - from === (between[last] as string).length && text.endsWith(between[last] as string) ? filling : undefined;
  }
}

/** Without escapes a quote ends a text, and nothing else does. */
export function isReadable(text: string): boolean {
  return text.length <= LONGEST && !text.includes('\\');
}

interface FoundGap {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\s*(?:"([^"]*)"|([{}[\],:])|([^\s"{}[\],:]+))/y;

/** The places of all texts that may differ, in their order; undefined where one path has two of them. */
function gapsOf(text: string): readonly FoundGap[] | undefined {
  const gaps: FoundGap[] = [];
  /** For each level the key that we are behind; undefined in a list and before a key. */
  const keys: (string | undefined)[] = [];
  const lists: boolean[] = [];
  TOKEN.lastIndex = 0;
  for (let token = TOKEN.exec(text); token !== null; token = TOKEN.exec(text)) {
    const [, quoted, sign, word] = token;
    if (sign !== undefined) {
      if (sign === '{' || sign === '[') {
        keys.push(undefined);
        lists.push(sign === '[');
      } else if (sign === '}' || sign === ']') {
        keys.pop();
        lists.pop();
      } else if (sign === ',') keys[keys.length - 1] = undefined;
      continue;
    }
    const isKey = quoted !== undefined && lists.at(-1) === false && keys.at(-1) === undefined;
    if (isKey) {
      keys[keys.length - 1] = quoted;
      continue;
    }
    if (lists.includes(true)) continue;
    const path = keys.join('.');
    const end = TOKEN.lastIndex - (quoted === undefined ? 0 : 1);
    if (isGap(path, quoted, word)) gaps.push({ path, start: end - (quoted ?? word ?? '').length, end });
  }
  return new Set(gaps.map(({ path }) => path)).size === gaps.length ? gaps : undefined;
}

function isGap(path: string, quoted: string | undefined, word: string | undefined): boolean {
  if (COUNTS.has(path)) return word !== undefined && COUNT.test(word);
  if (quoted === undefined) return false;
  if (path === REPLY_TO || (REQUIRED as readonly string[]).includes(path)) return true;
  // What the sender has always in common with itself; and a name with a dot is none of ours.
  return path.startsWith('headers.') && path !== 'headers.lang' && path.split('.').length === 2;
}

/** It is shared by all messages that follow. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}
