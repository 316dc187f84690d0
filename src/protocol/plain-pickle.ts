/**
 * Pickles of plain data: what Celery's SQL backend keeps results in. Written so that Python loads them; read only as
 * far as they are plain, for whatever else a pickle says is a program, and nobody here runs it (pickletools.py).
 */
import { ProtocolError } from '../errors.js';
import { isRecord } from './record.js';

const PROTO = 0x80;
const NEWTRUE = 0x88;
const NEWFALSE = 0x89;
const LONG1 = 0x8a;
const LONG4 = 0x8b;
const EMPTY_TUPLE = 0x29;
/** Deeper than any honest result; Python itself stops at a thousand. */
const DEEPEST = 900;

/**
 * The value as Python would have pickled it with protocol 2, which every Python 3 reads.
 *
 * @throws ProtocolError for what JSON could not say either.
 */
export function encodePlainPickle(value: unknown): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(PROTO, 2)];
  write(parts, value, 0);
  parts.push(Buffer.from('.'));
  return Buffer.concat(parts);
}

function write(parts: Uint8Array[], value: unknown, depth: number): void {
  if (depth > DEEPEST) throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'the value is nested too deeply');
  const given: unknown = isRecord(value) && typeof value['toJSON'] === 'function' ? (value['toJSON'] as () => unknown).call(value) : value;
  if (given === null || given === undefined) return void parts.push(Buffer.from('N'));
  switch (typeof given) {
    case 'boolean':
      return void parts.push(Uint8Array.of(given ? NEWTRUE : NEWFALSE));
    case 'string':
      return void parts.push(counted('X', Buffer.from(given, 'utf8')));
    case 'bigint':
      return void parts.push(long(given));
    case 'number':
      return void parts.push(Number.isSafeInteger(given) && !Object.is(given, -0) ? long(BigInt(given)) : float(given));
    case 'object':
      break;
    default:
      throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `a ${typeof given} cannot be kept`);
  }
  if (Array.isArray(given)) {
    parts.push(Buffer.from(']('));
    for (const item of given) write(parts, item, depth + 1);
    parts.push(Buffer.from('e'));
    return;
  }
  if (given instanceof Uint8Array) throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'bytes cannot be kept');
  parts.push(Buffer.from('}('));
  for (const [key, item] of Object.entries(given)) {
    if (item === undefined) continue;
    write(parts, key, depth + 1);
    write(parts, item, depth + 1);
  }
  parts.push(Buffer.from('u'));
}

function counted(opcode: string, bytes: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head.write(opcode, 'latin1');
  head.writeUInt32LE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}

function float(value: number): Uint8Array {
  const bytes = Buffer.alloc(9);
  bytes.write('G', 'latin1');
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** Two's complement, the lowest byte first, as few bytes as hold the sign. */
function long(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 8n) {
    const byte = Number(rest & 0xffn);
    if (rest === 0n && bytes.length === 0) break;
    bytes.push(byte);
    const next = rest >> 8n;
    if ((next === 0n && byte < 0x80) || (next === -1n && byte >= 0x80)) break;
  }
  if (bytes.length < 256) return Uint8Array.of(LONG1, bytes.length, ...bytes);
  const head = Buffer.alloc(5);
  head[0] = LONG4;
  head.writeInt32LE(bytes.length, 1);
  return Buffer.concat([head, Uint8Array.from(bytes)]);
}

/** What a {@link decodePlainPickle} gives up with: the pickle means more than data. */
export class NotPlain extends Error {
  override readonly name = 'NotPlain';
}

interface Mark {
  readonly mark: true;
}
const MARK: Mark = { mark: true };

/**
 * The value of a pickle that is plain data: None, truth values, numbers, texts, lists, tuples (as lists) and dictionaries
 * with text keys.
 *
 * @throws NotPlain for any other, and for what is no pickle.
 */
export function decodePlainPickle(bytes: Uint8Array): unknown {
  try {
    return new PlainReader(bytes).read();
  } catch (error) {
    if (error instanceof NotPlain) throw error;
    throw new NotPlain('it ends too early or is no pickle', { cause: error });
  }
}

/** Whoever walks through the value does it by calling itself. */
function shallow(value: unknown): unknown {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEEPEST) throw new NotPlain('it is nested too deeply');
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? (Object.values(one) as unknown[]) : []));
  }
  return value;
}

class PlainReader {
  readonly #bytes: Buffer;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): unknown {
    for (;;) {
      const opcode = this.#bytes.readUInt8(this.#at);
      this.#at += 1;
      if (opcode === 0x2e) return shallow(this.#pop());
      this.#step(opcode);
    }
  }

  #step(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case PROTO:
        return this.#skip(1);
      case 0x95: // FRAME
        return this.#skip(8);
      case 0x94: // MEMOIZE
        return void this.#memo.set(this.#memo.size, stack.at(-1));
      case 0x71: // BINPUT
        return void this.#memo.set(this.#number(1), stack.at(-1));
      case 0x72: // LONG_BINPUT
        return void this.#memo.set(this.#number(4), stack.at(-1));
      case 0x68: // BINGET
        return void stack.push(this.#remembered(this.#number(1)));
      case 0x6a: // LONG_BINGET
        return void stack.push(this.#remembered(this.#number(4)));
      case 0x28:
        return void stack.push(MARK);
      case 0x4e:
        return void stack.push(null);
      case NEWTRUE:
        return void stack.push(true);
      case NEWFALSE:
        return void stack.push(false);
      case 0x4b: // BININT1
        return void stack.push(this.#number(1));
      case 0x4d: // BININT2
        return void stack.push(this.#number(2));
      case 0x4a: // BININT
        return void stack.push(this.#taken(4).readInt32LE());
      case LONG1:
        return void stack.push(this.#long(this.#number(1)));
      case LONG4:
        return void stack.push(this.#long(this.#number(4)));
      case 0x47: // BINFLOAT
        return void stack.push(this.#taken(8).readDoubleBE());
      case 0x58: // BINUNICODE
        return void stack.push(this.#taken(this.#number(4)).toString('utf8'));
      case 0x8c: // SHORT_BINUNICODE
        return void stack.push(this.#taken(this.#number(1)).toString('utf8'));
      case 0x8d: // BINUNICODE8
        return void stack.push(this.#taken(Number(this.#taken(8).readBigUInt64LE())).toString('utf8'));
      default:
        this.#collect(opcode);
    }
  }

  #collect(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
      case EMPTY_TUPLE:
        return void stack.push([]);
      case 0x7d: // EMPTY_DICT
        return void stack.push({});
      case 0x61: // APPEND
        return this.#append([this.#pop()]);
      case 0x65: // APPENDS
        return this.#append(this.#sinceMark());
      case 0x74: // TUPLE
        return void stack.push(this.#sinceMark());
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return void stack.push(stack.splice(-(opcode - 0x84)));
      case 0x73: // SETITEM
        return this.#set(stack.splice(-2));
      case 0x75: // SETITEMS
        return this.#set(this.#sinceMark());
      default:
        throw new NotPlain('it holds objects of Python, which only Python can make');
    }
  }

  #append(items: readonly unknown[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new NotPlain('it is malformed');
    for (const item of items) list.push(item);
  }

  #set(items: readonly unknown[]): void {
    const target = this.#stack.at(-1);
    if (!isRecord(target)) throw new NotPlain('it is malformed');
    for (let at = 0; at + 1 < items.length; at += 2) {
      const key = items[at];
      if (typeof key !== 'string') throw new NotPlain('it has a dictionary whose keys are no texts');
      Object.defineProperty(target, key, { value: items[at + 1], enumerable: true, writable: true, configurable: true });
    }
  }

  #sinceMark(): unknown[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new NotPlain('it is malformed');
    return this.#stack.splice(at).slice(1);
  }

  #remembered(place: number): unknown {
    const value = this.#memo.get(place);
    // A list within itself has no end in JSON, and one that is met again and again grows without end.
    if (typeof value === 'object' && value !== null) throw new NotPlain('it refers to one of its parts from several places');
    return value;
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw new NotPlain('it is malformed');
    return this.#stack.pop();
  }

  #number(bytes: number): number {
    return this.#taken(bytes).readUIntLE(0, bytes);
  }

  #long(count: number): number | bigint {
    const bytes = this.#taken(count);
    // Byte after byte would take a minute for a number of a megabyte.
    const signed = count === 0 ? 0n : BigInt.asIntN(count * 8, BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`));
    return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(signed) : signed;
  }

  #taken(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.byteLength) throw new NotPlain('it ends too early');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  #skip(count: number): void {
    this.#at += count;
  }
}
