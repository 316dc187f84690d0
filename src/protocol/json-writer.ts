/**
 * Writes what `JSON.stringify` cannot: integers beyond 2^53, bare `NaN` and `Infinity`, kombu's typed
 * values; and refuses what Python's encoder would refuse, in its words (WIRE 2.2).
 */
import { ProtocolError } from '../errors.js';
import { MAX_JSON_DEPTH, tooDeep } from './json-reader.js';
import { isKnownType, isTypedPair, type TypedForm, typedForm } from './typed-values.js';

/** A number that was read as text and goes out as the same text. */
export class RawNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export function writeJson(value: unknown, form: TypedForm): string {
  return new JsonWriter(form).write(value, '', 'call') ?? 'null';
}

class JsonWriter {
  readonly #form: TypedForm;
  /** The containers around the value being written, for cycles and depth. */
  readonly #open: object[] = [];

  constructor(form: TypedForm) {
    this.#form = form;
  }

  /** undefined for a value that JSON leaves out. */
  write(value: unknown, key: string, toJson: 'call' | 'called'): string | undefined {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return writeNumber(value);
      case 'boolean':
        return value ? 'true' : 'false';
      case 'bigint':
        return value.toString();
      case 'undefined':
        return undefined;
      case 'object':
        return value === null ? 'null' : this.#object(value, key, toJson);
      default:
        return refuse(`Object of type ${typeof value} is not JSON serializable`);
    }
  }

  #object(value: object, key: string, toJson: 'call' | 'called'): string | undefined {
    const typed = typedForm(value, this.#form, refuse);
    if (typed !== undefined) return JSON.stringify(typed);
    if (value instanceof RawNumber) return value.text;
    if (toJson === 'call' && 'toJSON' in value && typeof value.toJSON === 'function') {
      // What toJSON gives is written as it is; JSON.stringify asks only once, too.
      return this.#nested(value, () => this.write((value.toJSON as (key: string) => unknown)(key), key, 'called'));
    }
    if (Array.isArray(value)) return this.#nested(value, () => this.#array(value));
    if (value instanceof Map) return this.#nested(value, () => this.#entries(mapEntries(value)));
    if (value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt) {
      return this.write(value.valueOf(), key, toJson);
    }
    const tag = Object.prototype.toString.call(value);
    if (value instanceof Error || tag !== '[object Object]') return refuse(`Object of type ${typeName(value)} is not JSON serializable`);
    if (this.#form === 'typed' && isTypedPair(value) && !isKnownType((value as Record<string, unknown>)['__type__'])) {
      // Celery 5.3+ drops the whole message over such a pair (WIRE 5).
      return refuse(`An object with only the keys __type__ and __value__ needs a type that Python knows`);
    }
    return this.#nested(value, () => this.#entries(Object.entries(value)));
  }

  #array(array: readonly unknown[]): string {
    let out = '[';
    for (let index = 0; index < array.length; index++) {
      if (index > 0) out += ',';
      out += this.write(array[index], String(index), 'call') ?? 'null';
    }
    return `${out}]`;
  }

  #entries(entries: Iterable<readonly [string, unknown]>): string {
    let out = '';
    for (const [key, item] of entries) {
      const written = this.write(item, key, 'call');
      if (written === undefined) continue;
      out += `${out === '' ? '' : ','}${JSON.stringify(key)}:${written}`;
    }
    return `{${out}}`;
  }

  #nested<T>(container: object, write: () => T): T {
    if (this.#open.includes(container)) refuse('Circular reference detected');
    if (this.#open.length >= MAX_JSON_DEPTH) throw tooDeep();
    this.#open.push(container);
    try {
      return write();
    } finally {
      this.#open.pop();
    }
  }
}

function writeNumber(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** Keys as Python's encoder turns them into text (WIRE 2.2). */
function* mapEntries(map: ReadonlyMap<unknown, unknown>): Iterable<readonly [string, unknown]> {
  for (const [key, value] of map) {
    if (typeof key === 'string') yield [key, value];
    else if (typeof key === 'number') yield [writeNumber(key), value];
    else if (typeof key === 'bigint' || typeof key === 'boolean' || key === null) yield [String(key), value];
    else refuse(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
  }
}

/** What a value is called in an error: its class, or what `typeof` says. */
export function typeName(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value;
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' ? name : 'object';
}

function refuse(what: string): never {
  throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', what);
}
