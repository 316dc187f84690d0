/**
 * What a pickle is, told from its opcodes without running any of them. Loading one runs whatever its
 * sender wrote, so nobody here does; the names it would import say most of what an operator wants to know.
 */

export interface PickleDescription {
  readonly protocol: number;
  readonly bytes: number;
  readonly opcodes: number;
  /** What it would import and perhaps call, each once: `datetime.datetime`. */
  readonly globals: readonly string[];
  /** Why reading stopped before the end. */
  readonly problem?: string;
}

/** How long the argument of an opcode is: so many bytes, a count of so many bytes before it, or so many lines (pickletools.py). */
type Argument =
  | { readonly kind: 'fixed'; readonly bytes: number }
  | { readonly kind: 'counted'; readonly bytes: 1 | 4 | 8 }
  | { readonly kind: 'lines'; readonly lines: 1 | 2 };

const fixed = (bytes: number): Argument => ({ kind: 'fixed', bytes });
const counted = (bytes: 1 | 4 | 8): Argument => ({ kind: 'counted', bytes });
const lines = (count: 1 | 2): Argument => ({ kind: 'lines', lines: count });

const ARGUMENTS: ReadonlyMap<number, Argument> = new Map([
  ...[...'(.012NR)Qabdeosu}]lt'].map((opcode) => [code(opcode), fixed(0)] as const),
  ...[0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98].map((opcode) => [opcode, fixed(0)] as const),
  ...[...'FILSVPgp'].map((opcode) => [code(opcode), lines(1)] as const),
  ...[...'ci'].map((opcode) => [code(opcode), lines(2)] as const),
  ...[...'Khq'].map((opcode) => [code(opcode), fixed(1)] as const),
  [code('M'), fixed(2)],
  ...[...'Jjr'].map((opcode) => [code(opcode), fixed(4)] as const),
  [code('G'), fixed(8)],
  ...[...'UC'].map((opcode) => [code(opcode), counted(1)] as const),
  ...[...'TXB'].map((opcode) => [code(opcode), counted(4)] as const),
  [0x80, fixed(1)],
  [0x82, fixed(1)],
  [0x83, fixed(2)],
  [0x84, fixed(4)],
  [0x8a, counted(1)],
  [0x8b, counted(4)],
  [0x8c, counted(1)],
  [0x8d, counted(8)],
  [0x8e, counted(8)],
  [0x95, fixed(8)],
  [0x96, counted(8)],
]);

const PROTO = 0x80;
const STOP = code('.');
const GLOBAL = new Set([code('c'), code('i')]);
const STACK_GLOBAL = 0x93;
const MEMOIZE = 0x94;
const TEXTS = new Set([code('X'), code('U'), code('T'), 0x8c, 0x8d]);
/** Enough for any honest message; a list without end must not keep us. */
const MOST_OPCODES = 1_000_000;
const MOST_GLOBALS = 100;

export function describePickle(bytes: Uint8Array): PickleDescription {
  const reader = new PickleReader(bytes);
  const problem = reader.read();
  const { protocol, opcodes, globals } = reader;
  return { protocol, bytes: bytes.byteLength, opcodes, globals: [...globals], ...(problem === undefined ? {} : { problem }) };
}

class PickleReader {
  protocol = 0;
  opcodes = 0;
  readonly globals = new Set<string>();
  readonly #bytes: Buffer;
  /** The texts of which STACK_GLOBAL takes the last two: pushed, or got back from the memo. */
  #texts: string[] = [];
  readonly #memo = new Map<number, string | undefined>();
  #memoSize = 0;
  #top: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Why it stopped before the end. */
  read(): string | undefined {
    let at = 0;
    while (at < this.#bytes.length) {
      const opcode = this.#bytes[at] as number;
      const start = at + 1;
      const span = this.#span(opcode, start);
      if (span === undefined) return `byte ${at} is no opcode of a pickle`;
      const [from, end] = span;
      if (end > this.#bytes.length) return 'it is cut off';
      this.opcodes += 1;
      if (opcode === STOP) return end < this.#bytes.length ? `${this.#bytes.length - end} bytes follow its end` : undefined;
      if (this.opcodes >= MOST_OPCODES) return `only its first ${MOST_OPCODES} opcodes were read`;
      this.#note(opcode, from, end);
      at = end;
    }
    return 'it is cut off';
  }

  /** Where the argument lies. */
  #span(opcode: number, start: number): readonly [from: number, end: number] | undefined {
    const argument = ARGUMENTS.get(opcode);
    if (argument === undefined) return undefined;
    if (argument.kind === 'fixed') return [start, start + argument.bytes];
    if (argument.kind === 'counted') {
      const from = start + argument.bytes;
      if (from > this.#bytes.length) return [from, Number.POSITIVE_INFINITY];
      const count = argument.bytes === 8 ? Number(this.#bytes.readBigUInt64LE(start)) : this.#bytes.readUIntLE(start, argument.bytes);
      return [from, from + count];
    }
    let end = start;
    for (let line = 0; line < argument.lines; line += 1) {
      const found = this.#bytes.indexOf(0x0a, end);
      if (found < 0) return [start, Number.POSITIVE_INFINITY];
      end = found + 1;
    }
    return [start, end];
  }

  #note(opcode: number, from: number, end: number): void {
    if (opcode === PROTO) this.protocol = this.#bytes[from] ?? 0;
    else if (GLOBAL.has(opcode)) this.#import(...this.#lines(from, end));
    else if (opcode === STACK_GLOBAL) this.#import(this.#texts.at(-2) ?? '?', this.#texts.at(-1) ?? '?');
    else if (TEXTS.has(opcode)) this.#push(this.#bytes.toString('utf8', from, Math.min(end, from + 200)));
    else if (opcode === MEMOIZE) this.#remember(this.#memoSize);
    else if (opcode === code('q') || opcode === code('r')) this.#remember(this.#bytes.readUIntLE(from, end - from));
    else if (opcode === code('h') || opcode === code('j')) this.#push(this.#memo.get(this.#bytes.readUIntLE(from, end - from)));
    else this.#top = undefined;
  }

  #lines(from: number, end: number): readonly [string, string] {
    const [module = '', name = ''] = this.#bytes.toString('utf8', from, Math.min(end, from + 400)).split('\n');
    return [module, name];
  }

  #push(text: string | undefined): void {
    this.#top = text;
    if (text !== undefined) this.#texts = [...this.#texts.slice(-1), text];
  }

  #remember(index: number): void {
    this.#memo.set(index, this.#top);
    this.#memoSize += 1;
  }

  #import(module: string, name: string): void {
    if (this.globals.size < MOST_GLOBALS) this.globals.add(`${module}.${name}`);
    this.#top = undefined;
  }
}

function code(character: string): number {
  return character.charCodeAt(0);
}
