/**
 * Reads the JSON that Python writes and `JSON.parse` does not: bare `NaN`, `Infinity` and
 * `-Infinity`, and integers of any length. Slower than the native parser (4.8 against 1.9 µs for a
 * task message), so `kombu-json.ts` comes here only when it must.
 */
import { ProtocolError } from '../errors.js';
import { setOwn } from './record.js';
import { MAX_NUMBER_DIGITS, reviveTyped } from './typed-values.js';

/** Deeper nesting is refused: nobody's task needs it, and Python's own reader ends at about 1,000. */
export const MAX_JSON_DEPTH = 200;

export interface JsonReaderOptions {
  /** Makes a value of a number's own text; default: a number, or BigInt where a number would lose digits. */
  readonly number?: (text: string) => unknown;
  /** Turn kombu's `{__type__, __value__}` into values. */
  readonly typedValues: 'revive' | 'keep';
}

export function readJson(text: string, options: JsonReaderOptions): unknown {
  return new JsonReader(text, options).read();
}

// Sticky: each is tried exactly where the reader stands.
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const NEEDS_UNESCAPING = /[\\\u0000-\u001f]/;

class JsonReader {
  readonly #text: string;
  readonly #number: (text: string) => unknown;
  readonly #revive: boolean;
  #at = 0;

  constructor(text: string, options: JsonReaderOptions) {
    this.#text = text;
    this.#number = options.number ?? exactNumber;
    this.#revive = options.typedValues === 'revive';
  }

  read(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('Extra data');
    return value;
  }

  #value(depth: number): unknown {
    this.#skipSpace();
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x22 /* " */:
        return this.#string();
      case 0x7b /* { */:
        return this.#object(depth + 1);
      case 0x5b /* [ */:
        return this.#array(depth + 1);
      case 0x6e /* n */:
        return this.#word('null', null);
      case 0x74 /* t */:
        return this.#word('true', true);
      case 0x66 /* f */:
        return this.#word('false', false);
      case 0x4e /* N */:
        return this.#constant('NaN', Number.NaN);
      case 0x49 /* I */:
        return this.#constant('Infinity', Number.POSITIVE_INFINITY);
      default:
        if (this.#text.startsWith('-I', this.#at)) return this.#constant('-Infinity', Number.NEGATIVE_INFINITY);
        return this.#numeral();
    }
  }

  #object(depth: number): unknown {
    this.#enter(depth);
    const object: Record<string, unknown> = {};
    if (this.#peek() === '}') {
      this.#at++;
      return object;
    }
    for (;;) {
      if (this.#peek() !== '"') this.#fail('Expecting property name enclosed in double quotes');
      const key = this.#string();
      if (this.#peek() !== ':') this.#fail("Expecting ':' delimiter");
      this.#at++;
      const value = this.#value(depth);
      setOwn(object, key, value);
      const next = this.#peek();
      this.#at++;
      if (next === '}') return this.#revive ? reviveTyped(object) : object;
      if (next !== ',') this.#failBefore("Expecting ',' delimiter");
      this.#skipSpace();
    }
  }

  #array(depth: number): unknown[] {
    this.#enter(depth);
    const array: unknown[] = [];
    if (this.#peek() === ']') {
      this.#at++;
      return array;
    }
    for (;;) {
      array.push(this.#value(depth));
      const next = this.#peek();
      this.#at++;
      if (next === ']') return array;
      if (next !== ',') this.#failBefore("Expecting ',' delimiter");
    }
  }

  #enter(depth: number): void {
    if (depth > MAX_JSON_DEPTH) throw tooDeep();
    this.#at++;
    this.#skipSpace();
  }

  #string(): string {
    const start = this.#at + 1;
    let end = this.#text.indexOf('"', start);
    if (end < 0) this.#fail('Unterminated string starting at');
    let inner = this.#text.slice(start, end);
    if (!NEEDS_UNESCAPING.test(inner)) {
      this.#at = end + 1;
      return inner;
    }
    end = this.#closingQuote(start);
    inner = this.#text.slice(start - 1, end + 1);
    try {
      const value = JSON.parse(inner) as string;
      this.#at = end + 1;
      return value;
    } catch {
      return this.#fail('Invalid control character or escape in the string');
    }
  }

  #closingQuote(from: number): number {
    for (let at = from; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === 0x22) return at;
      if (code === 0x5c) at++;
    }
    return this.#fail('Unterminated string starting at');
  }

  #numeral(): unknown {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) return this.#fail('Expecting value');
    this.#at = NUMBER.lastIndex;
    return this.#number(match[0]);
  }

  #constant(word: string, value: number): unknown {
    this.#word(word, value);
    return this.#number === exactNumber ? value : this.#number(word);
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('Expecting value');
    this.#at += word.length;
    return value;
  }

  /** The next character that is no space. */
  #peek(): string {
    this.#skipSpace();
    return this.#text.charAt(this.#at);
  }

  #skipSpace(): void {
    if (this.#text.charCodeAt(this.#at) > 0x20) return;
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #failBefore(what: string): never {
    this.#at--;
    return this.#fail(what);
  }

  /** Python's wording, so that logs read the same on both sides. */
  #fail(what: string): never {
    let line = 1;
    let lineStart = 0;
    for (let at = this.#text.indexOf('\n'); at >= 0 && at < this.#at; at = this.#text.indexOf('\n', at + 1)) {
      line++;
      lineStart = at + 1;
    }
    const column = this.#at - lineStart + 1;
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', `${what}: line ${line} column ${column} (char ${this.#at})`);
  }
}

/** Integers that a double cannot hold become BigInt; everything else is a number. */
function exactNumber(text: string): number | bigint {
  const value = Number(text);
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(text)) return value;
  if (text.length > MAX_NUMBER_DIGITS) {
    throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `an integer of ${text.length} digits (at most ${MAX_NUMBER_DIGITS}, as in Python)`);
  }
  return BigInt(text);
}

export function tooDeep(): ProtocolError {
  return new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `nested deeper than ${MAX_JSON_DEPTH} levels`);
}
