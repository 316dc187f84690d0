/**
 * Values as Python prints them, for logs, events and `inspect`. Two ways: {@link pythonRepr} is
 * Python's own `repr`, {@link safeRepr} is Celery's shortened one (celery/utils/saferepr.py), which
 * fills the headers `argsrepr` and `kwargsrepr` and cuts long and deep values (WIRE 3.4).
 */
import { isUtf8 } from 'node:buffer';
import { typeName } from './json-writer.js';
import { DateTime, Decimal, PlainDate, PlainTime, Uuid } from './typed-values.js';

export interface SafeReprOptions {
  /** Characters after which it is cut; default 1024, Celery's `argsrepr_maxsize`. */
  readonly maxLength?: number;
  /** Containers inside each other before `[...]`; default 3. */
  readonly maxLevels?: number;
}

/** What kind of Python container a JavaScript value stands for. */
interface Container {
  readonly open: string;
  readonly close: string;
  readonly items: Iterable<unknown>;
  readonly keyed: boolean;
}

/** `repr(value)`. Cycles, nesting beyond 100 levels and what follows 100,000 values are shown as `...`. */
export function pythonRepr(value: unknown): string {
  return fullRepr(value, { open: [], values: 0 });
}

/** `repr(tuple(values))`: `()`, `(1,)`, `(1, 2)`. */
export function pythonTupleRepr(values: readonly unknown[]): string {
  return `(${values.map((value) => pythonRepr(value)).join(', ')}${values.length === 1 ? ',' : ''})`;
}

/** The `argsrepr` header: the arguments as a tuple, `('x',)`. */
export function argsRepr(args: readonly unknown[]): string {
  return new SafeReprWriter({}).write({ open: '(', close: args.length === 1 ? ',)' : ')', items: args, keyed: false });
}

/** The `kwargsrepr` header. */
export function kwargsRepr(kwargs: Readonly<Record<string, unknown>>): string {
  return new SafeReprWriter({}).writeValue(kwargs);
}

/** Celery's `saferepr`, which also prints results in `succeeded in 0.1s: …`. Quotes are escaped, control characters are not. */
export function safeRepr(value: unknown, options: SafeReprOptions = {}): string {
  return new SafeReprWriter(options).writeValue(value);
}

/**
 * Celery's algorithm walks tokens and stops at the one that finds no room left; what is then printed
 * is `, ...` and the closing brackets still owed. The token that found no room is swallowed, which is
 * why a value that ends exactly at the limit loses its own bracket. Kept, for the headers to be equal.
 */
class SafeReprWriter {
  readonly #maxLevels: number;
  readonly #open: unknown[] = [];
  #left: number;
  #stopped = false;
  #out = '';

  constructor({ maxLength = 1024, maxLevels = 3 }: SafeReprOptions) {
    this.#left = maxLength;
    this.#maxLevels = maxLevels;
  }

  writeValue(value: unknown): string {
    this.#value(value, 0);
    return this.#out;
  }

  write(container: Container): string {
    this.#container(container, 0);
    return this.#out;
  }

  #value(value: unknown, level: number): void {
    if (typeof value === 'string') {
      this.#text(value);
      return;
    }
    const container = asContainer(value);
    if (container === undefined) {
      this.#atom(atomRepr(value, safeBytes));
    } else if (level >= this.#maxLevels) {
      this.#atom(`${container.open}...${container.close}`);
    } else if (this.#open.includes(value)) {
      this.#atom(`<Recursion on ${container.keyed ? 'dict' : 'list'}>`);
    } else {
      this.#open.push(value);
      this.#container(container, level);
      this.#open.pop();
    }
  }

  #container({ open, close, items, keyed }: Container, level: number): void {
    if (!this.#token(open)) {
      this.#out += close;
      return;
    }
    let first = true;
    for (const item of items) {
      if (!first && !this.#token(', ')) break;
      first = false;
      if (keyed) {
        const [key, value] = item as readonly [unknown, unknown];
        if (!this.#key(key) || !this.#token(': ')) break;
        this.#value(value, level + 1);
      } else {
        this.#value(item, level + 1);
      }
      if (this.#stopped) break;
    }
    if (this.#stopped) this.#out += close;
    else this.#token(close);
  }

  #key(key: unknown): boolean {
    if (this.#left <= 0) return this.#token('');
    return this.#token(new SafeReprWriter({ maxLength: this.#left, maxLevels: this.#maxLevels }).writeValue(key));
  }

  #text(value: string): void {
    if (this.#left <= 0) this.#token('');
    else this.#token(`'${cut(value, this.#left).replaceAll("'", "\\'")}'`);
  }

  #atom(text: string): void {
    if (this.#left <= 0) this.#token('');
    else this.#token(cut(text, this.#left));
  }

  /** Writes, or finds no room and says so. */
  #token(text: string): boolean {
    if (this.#left <= 0) {
      this.#out += ', ...';
      this.#stopped = true;
      return false;
    }
    this.#out += text;
    this.#left -= codePoints(text);
    return true;
  }
}

/** celery/utils/text.py `truncate`: at the last space before the limit, where there is one. */
function cut(text: string, length: number): string {
  if (text.length < length || codePoints(text) < length) return text;
  const head = Array.from(text.slice(0, 2 * length))
    .slice(0, length)
    .join('');
  const space = head.lastIndexOf(' ');
  return `${space < 0 ? head : head.slice(0, space)}...`;
}

const SURROGATE_PAIRS = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Python's `len` of a text. */
function codePoints(text: string): number {
  return text.length - (text.match(SURROGATE_PAIRS)?.length ?? 0);
}

function asContainer(value: unknown): Container | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return { open: '[', close: ']', items: value, keyed: false };
  if (value instanceof Map) return { open: '{', close: '}', items: value, keyed: true };
  if (value instanceof Set) return value.size === 0 ? undefined : { open: '{', close: '}', items: value, keyed: false };
  if (isAtomObject(value)) return undefined;
  const shown = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON as () => unknown)() : value;
  if (shown !== value) return asContainer(shown);
  return { open: '{', close: '}', items: Object.entries(value), keyed: true };
}

function isAtomObject(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof Uint8Array ||
    value instanceof PlainDate ||
    value instanceof PlainTime ||
    value instanceof Decimal ||
    value instanceof Uuid ||
    value instanceof Error ||
    Object.prototype.toString.call(value) !== '[object Object]'
  );
}

function atomRepr(value: unknown, bytes: (value: Uint8Array) => string): string {
  switch (typeof value) {
    case 'number':
      return numberRepr(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'undefined':
      return 'None';
    case 'object':
      return value === null ? 'None' : objectRepr(value, bytes);
    case 'function':
      return `<function ${value.name === '' ? '<lambda>' : value.name}>`;
    default:
      return String(value);
  }
}

function objectRepr(value: object, bytes: (value: Uint8Array) => string): string {
  if (value instanceof Date) return dateTimeRepr(value);
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof PlainDate) return `datetime.date(${value.year}, ${value.month}, ${value.day})`;
  if (value instanceof PlainTime) {
    return `datetime.time(${[value.hour, value.minute, ...clockTail(value.second, value.microsecond), ...zoneRepr(value.offsetS)].join(', ')})`;
  }
  if (value instanceof Decimal) return `Decimal('${value.toString()}')`;
  if (value instanceof Uuid) return `UUID('${value.toString()}')`;
  if (value instanceof Error) return `${value.name}(${value.message === '' ? '' : stringRepr(value.message)})`;
  if (value instanceof Set && value.size === 0) return 'set()';
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const shown = (value.toJSON as () => unknown)();
    if (typeof shown === 'string') return stringRepr(shown);
  }
  return `<${typeName(value)} object>`;
}

/** A JavaScript integer goes over the wire as a Python int, so it is shown as one. */
function numberRepr(value: number): string {
  if (Number.isInteger(value)) return Object.is(value, -0) ? '-0.0' : String(value);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) >= 1e-4) return String(value);
  // Python writes at least two digits of exponent and begins with it at 1e-05, JavaScript at 1e-7.
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1');
}

function dateTimeRepr(date: Date): string {
  if (Number.isNaN(date.getTime())) return '<Invalid Date>';
  const offsetS = date instanceof DateTime ? date.offsetS : 0;
  const wall = new Date(date.getTime() + (offsetS ?? 0) * 1000);
  const microsecond = wall.getUTCMilliseconds() * 1000 + (date instanceof DateTime ? date.extraMicroseconds : 0);
  const day = [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate(), wall.getUTCHours(), wall.getUTCMinutes()];
  return `datetime.datetime(${[...day, ...clockTail(wall.getUTCSeconds(), microsecond), ...zoneRepr(offsetS)].join(', ')})`;
}

function clockTail(second: number, microsecond: number): number[] {
  if (microsecond !== 0) return [second, microsecond];
  return second === 0 ? [] : [second];
}

function zoneRepr(offsetS: number | undefined): string[] {
  if (offsetS === undefined) return [];
  if (offsetS === 0) return ['tzinfo=datetime.timezone.utc'];
  const delta = offsetS < 0 ? `days=-1, seconds=${86_400 + offsetS}` : `seconds=${offsetS}`;
  return [`tzinfo=datetime.timezone(datetime.timedelta(${delta}))`];
}

/** saferepr shows bytes as text where they are, else as hexadecimal digits without escapes. */
function safeBytes(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return `b'${bytes.toString(isUtf8(bytes) ? 'utf8' : 'hex')}'`;
}

function bytesRepr(value: Uint8Array): string {
  const quote = value.includes(0x27) && !value.includes(0x22) ? '"' : "'";
  let out = '';
  for (const byte of value) {
    const char = String.fromCharCode(byte);
    if (char === quote || char === '\\') out += `\\${char}`;
    else if (byte >= 0x20 && byte < 0x7f) out += char;
    else out += SHORT_ESCAPES[char] ?? `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `b${quote}${out}${quote}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
/** What `str.isprintable` denies: controls, formats, surrogates, unassigned, and every space but the plain one. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/u;
const NEEDS_ESCAPE = /['"\\]|[^\x20-\x7e]/;

/** A string literal as Python prints it: single quotes unless only single quotes are inside. */
export function stringRepr(text: string): string {
  if (!NEEDS_ESCAPE.test(text)) return `'${text}'`;
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const char of text) {
    if (char === quote || char === '\\') out += `\\${char}`;
    else if (char === ' ' || !UNPRINTABLE.test(char)) out += char;
    else out += SHORT_ESCAPES[char] ?? escapeCode(char.codePointAt(0) as number);
  }
  return `${quote}${out}${quote}`;
}

/** Text of strangers for an error message: cut, and without a character that could forge a line of a log. */
export function printable(text: string): string {
  return stringRepr(text.slice(0, 200)).slice(1, -1);
}

function escapeCode(code: number): string {
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

const MAX_REPR_DEPTH = 100;
/** Values that share parts can unfold without end; Python would go on until it is killed. */
const MAX_REPR_VALUES = 100_000;

interface ReprState {
  readonly open: unknown[];
  values: number;
}

function fullRepr(value: unknown, state: ReprState): string {
  if (typeof value === 'string') return stringRepr(value);
  const container = asContainer(value);
  if (container === undefined) return atomRepr(value, bytesRepr);
  const { open } = state;
  if (open.includes(value) || open.length >= MAX_REPR_DEPTH || state.values >= MAX_REPR_VALUES)
    return `${container.open}...${container.close}`;
  open.push(value);
  const parts: string[] = [];
  for (const item of container.items) {
    if (++state.values > MAX_REPR_VALUES) {
      parts.push('...');
      break;
    }
    if (container.keyed) {
      const [key, held] = item as readonly [unknown, unknown];
      parts.push(`${fullRepr(key, state)}: ${fullRepr(held, state)}`);
    } else {
      parts.push(fullRepr(item, state));
    }
  }
  open.pop();
  return `${container.open}${parts.join(', ')}${container.close}`;
}
