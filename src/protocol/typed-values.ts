/**
 * Values that Python has and JSON lacks. kombu 5.3 and later wraps them as
 * `{"__type__": …, "__value__": …}` (WIRE 2.3); each class here is made from such a value and writes
 * back what it read.
 */
import { isUtf8 } from 'node:buffer';
import { formatIsoDate, parseIsoParts, wallClockMs } from './iso-date.js';

/** How typed values are written: as kombu 5.3+ objects, or as the plain strings of kombu 5.2 and before. */
export type TypedForm = 'typed' | 'plain';

/**
 * A Python `datetime`: a `Date` that also remembers its microseconds and whether it had an offset.
 * A naive one, without offset, lies on the time line as if it were UTC.
 */
export class DateTime extends Date {
  /** ISO text as read; valid as long as nobody moved the date. */
  readonly #text: string;
  readonly #readMs: number;
  /** The microseconds below the millisecond, 0 to 999. */
  readonly extraMicroseconds: number;
  /** Seconds east of UTC; undefined for a naive datetime. */
  readonly offsetS: number | undefined;

  /** @throws RangeError when the text is not a date. */
  constructor(text: string) {
    const parts = parseIsoParts(text);
    if (parts === undefined) throw new RangeError(`not an ISO 8601 date: ${text.slice(0, 100)}`);
    super(wallClockMs(parts) - (parts.offsetS ?? 0) * 1000);
    this.#text = text;
    this.#readMs = this.getTime();
    this.extraMicroseconds = parts.microsecond % 1000;
    this.offsetS = parts.offsetS;
  }

  get naive(): boolean {
    return this.offsetS === undefined;
  }

  /** The text it was read from, or that of the instant it was set to since. */
  get isoText(): string {
    return this.getTime() === this.#readMs ? this.#text : formatIsoDate(this);
  }
}

/** A Python `date`. */
export class PlainDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;

  /** @throws RangeError when the text is not a date. */
  constructor(text: string) {
    const parts = parseIsoParts(text);
    if (parts === undefined) throw new RangeError(`not an ISO 8601 date: ${text.slice(0, 100)}`);
    this.year = parts.year;
    this.month = parts.month;
    this.day = parts.day;
  }

  toString(): string {
    return `${String(this.year).padStart(4, '0')}-${String(this.month).padStart(2, '0')}-${String(this.day).padStart(2, '0')}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** A Python `time`, with or without an offset. */
export class PlainTime {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  readonly offsetS: number | undefined;
  readonly #text: string;

  /** @throws RangeError when the text is not a time. */
  constructor(text: string) {
    const parts = parseIsoParts(`2000-01-01T${text}`);
    if (parts === undefined) throw new RangeError(`not an ISO 8601 time: ${text.slice(0, 100)}`);
    this.hour = parts.hour;
    this.minute = parts.minute;
    this.second = parts.second;
    this.microsecond = parts.microsecond;
    this.offsetS = parts.offsetS;
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }
}

/** Python refuses longer integers, too (`sys.set_int_max_str_digits`). */
export const MAX_NUMBER_DIGITS = 4300;

const DECIMAL = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i;

/** A Python `Decimal`: exact digits, trailing zeros kept. ctq does not calculate with it. */
export class Decimal {
  readonly #text: string;

  /** @throws RangeError when the text is not a decimal number. */
  constructor(text: string) {
    if (text.length > MAX_NUMBER_DIGITS || !DECIMAL.test(text)) throw new RangeError(`not a decimal number: ${text.slice(0, 100)}`);
    this.#text = text;
  }

  /** The nearest JavaScript number. */
  toNumber(): number {
    const lower = this.#text.toLowerCase();
    if (lower.includes('nan')) return Number.NaN;
    if (lower.includes('inf')) return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return Number(this.#text);
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }
}

/** A Python `UUID`. */
export class Uuid {
  /** 32 hexadecimal digits, lower case, no dashes. */
  readonly hex: string;

  /** @throws RangeError when the text is not a UUID, with or without dashes. */
  constructor(text: string) {
    const hex = text.replaceAll('-', '').toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(hex)) throw new RangeError(`not a UUID: ${text.slice(0, 100)}`);
    this.hex = hex;
  }

  toString(): string {
    const { hex } = this;
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** One line per `__type__` that kombu knows (kombu/utils/json.py, `_decoders`). */
const decoders = new Map<string, (value: unknown) => unknown>([
  ['datetime', (value) => new DateTime(text(value))],
  ['date', (value) => new PlainDate(text(value))],
  ['time', (value) => new PlainTime(text(value))],
  ['decimal', (value) => new Decimal(text(value))],
  // kombu 5.3.0 wrote a `version` beside `hex`; both are read.
  ['uuid', (value) => new Uuid(text((value as { hex?: unknown } | null)?.hex))],
  ['bytes', (value) => Buffer.from(text(value), 'utf8')],
  ['base64', (value) => Buffer.from(text(value), 'base64')],
]);

export function isKnownType(type: unknown): boolean {
  return typeof type === 'string' && decoders.has(type);
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new RangeError('a typed value holds text');
  return value;
}

/**
 * What an object that was read stands for: itself, unless it is one of kombu's pairs. A pair of
 * unknown type, or with a value that does not fit its type, stays plain data: whoever wrote it, one
 * odd argument is no reason to lose the message.
 */
export function reviveTyped(object: Record<string, unknown>): unknown {
  if (!isTypedPair(object)) return object;
  const decode = typeof object['__type__'] === 'string' ? decoders.get(object['__type__']) : undefined;
  if (decode === undefined) return object;
  try {
    return decode(object['__value__']);
  } catch {
    return object;
  }
}

/** Has exactly the two keys of kombu's wrapping; with a third key it is plain data. */
export function isTypedPair(object: object): boolean {
  return Object.hasOwn(object, '__type__') && Object.hasOwn(object, '__value__') && Object.keys(object).length === 2;
}

/** JSON-ready form of a value of this room, or undefined when it is not one. `refuse` is asked to throw. */
export function typedForm(value: object, form: TypedForm, refuse: (what: string) => never): unknown {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) refuse('Invalid Date is not JSON serializable');
    const iso = value instanceof DateTime ? value.isoText : formatIsoDate(value);
    return form === 'typed' ? pair('datetime', iso) : iso.replace(/\+00:00$/, 'Z');
  }
  if (value instanceof Uint8Array) {
    if (form === 'plain') refuse('Object of type bytes is not JSON serializable');
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return isUtf8(bytes) ? pair('bytes', bytes.toString('utf8')) : pair('base64', bytes.toString('base64'));
  }
  if (value instanceof PlainDate) return form === 'typed' ? pair('date', value.toString()) : `${value.toString()}T00:00:00`;
  if (value instanceof PlainTime) return form === 'typed' ? pair('time', value.toString()) : value.toString();
  if (value instanceof Decimal) return form === 'typed' ? pair('decimal', value.toString()) : value.toString();
  if (value instanceof Uuid) return form === 'typed' ? pair('uuid', { hex: value.hex }) : value.toString();
  return undefined;
}

function pair(type: string, value: unknown): object {
  return { __type__: type, __value__: value };
}
