/**
 * The only place that knows js-yaml; loaded with the first YAML body. Reads what PyYAML's `safe_dump`
 * writes and writes what its `safe_load` reads.
 */
import { createRequire } from 'node:module';
import type * as Yaml from 'js-yaml';
import { ProtocolError } from '../errors.js';
import { MAX_JSON_DEPTH, tooDeep } from './json-reader.js';
import { CONTAINER, plainTree } from './plain-tree.js';
import { DateTime, MAX_NUMBER_DIGITS, PlainDate } from './typed-values.js';

interface Codec {
  readonly yaml: typeof Yaml;
  readonly schema: Yaml.Schema;
}

let codec: Codec | undefined;

// require, because serialising is synchronous and a dynamic import is not.
function load(): Codec {
  if (codec === undefined) {
    const yaml = createRequire(import.meta.url)('js-yaml') as typeof Yaml;
    codec = { yaml, schema: pythonSchema(yaml) };
  }
  return codec;
}

/** Enough for a `safe_dump` of arguments that share values, too few for a bomb (RELIABILITY S2). */
const MAX_ALIASES = 100;
/** What aliases may unfold to; a million values is more than the limit on bodies lets through without them. */
const MAX_UNFOLDED = 1_000_000;

export function decodeYaml(text: string): unknown {
  const { yaml, schema } = load();
  let value: unknown;
  try {
    value = yaml.load(text, { schema, maxDepth: MAX_JSON_DEPTH, maxAliases: MAX_ALIASES });
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', `not YAML: ${reason}`, { cause: error });
  }
  if (text.includes('*')) measure(value, new Map(), 0);
  return value;
}

/** Aliases share values, so the tree that others will walk may be far larger than what was read, or endless. */
function measure(value: unknown, known: Map<object, number>, depth: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  const size = known.get(value);
  if (size === 0) throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'not YAML: an alias inside its own anchor');
  if (size !== undefined) return size;
  if (depth >= MAX_JSON_DEPTH) throw tooDeep();
  known.set(value, 0);
  let total = 1;
  for (const item of Object.values(value)) {
    total += measure(item, known, depth + 1);
    if (total > MAX_UNFOLDED) throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', 'YAML aliases unfold to more than a million values');
  }
  known.set(value, total);
  return total;
}

export function encodeYaml(value: unknown): string {
  const { yaml, schema } = load();
  // PyYAML sorts keys; anchors for shared values would be legal and only harder to read.
  return yaml.dump(plainTree(value, leaf), { schema, sortKeys: true, noRefs: true, lineWidth: -1, seqInlineFirst: true });
}

function leaf(value: unknown, refuse: (value: unknown) => never): unknown {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? refuse(value) : value;
  return value instanceof PlainDate || value instanceof Uint8Array ? value : CONTAINER;
}

/**
 * YAML 1.1 as PyYAML has it: `y` and `n` are strings (its resolver knows only the longer words),
 * integers are exact, dates keep what Python wrote. No merge keys, no other tags.
 */
function pythonSchema(yaml: typeof Yaml): Yaml.Schema {
  const bool = {
    ...yaml.boolYaml11Tag,
    resolve: (source: string, isExplicit: boolean, tag: string) =>
      /^[yYnN]$/.test(source) ? yaml.NOT_RESOLVED : yaml.boolYaml11Tag.resolve(source, isExplicit, tag),
  };
  const int = yaml.defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
    implicit: true,
    implicitFirstChars: yaml.intYaml11Tag.implicitFirstChars,
    resolve: (source, isExplicit, tag) => {
      const value = yaml.intYaml11Tag.resolve(source, isExplicit, tag);
      return typeof value !== 'number' || Number.isSafeInteger(value) ? value : exactInteger(source, value);
    },
    identify: (value) => typeof value === 'bigint' || yaml.intYaml11Tag.identify(value),
    represent: String,
  });
  const timestamp = yaml.defineScalarTag<Date | PlainDate>('tag:yaml.org,2002:timestamp', {
    implicit: true,
    implicitFirstChars: yaml.timestampTag.implicitFirstChars,
    resolve: (source) => pythonDate(source) ?? yaml.NOT_RESOLVED,
    identify: (value) => value instanceof Date || value instanceof PlainDate,
    represent: (value: Date | PlainDate) =>
      value instanceof DateTime ? value.isoText : value instanceof Date ? value.toISOString() : value.toString(),
  });
  const binary = yaml.defineScalarTag<Uint8Array>('tag:yaml.org,2002:binary', {
    resolve: (source, isExplicit, tag) => {
      const bytes = yaml.binaryTag.resolve(source, isExplicit, tag);
      return bytes instanceof Uint8Array ? Buffer.from(bytes) : yaml.NOT_RESOLVED;
    },
    identify: (value) => value instanceof Uint8Array,
    represent: (value: Uint8Array) => Buffer.from(value).toString('base64'),
  });
  return new yaml.Schema([...yaml.FAILSAFE_SCHEMA.tags, yaml.nullYaml11Tag, bool, int, yaml.floatYaml11Tag, timestamp, binary]);
}

/** Only the forms that a Python integer is written in; other notations of such size stay numbers. */
function exactInteger(source: string, value: number): number | bigint {
  if (source.length > MAX_NUMBER_DIGITS) {
    throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `an integer of ${source.length} digits (at most ${MAX_NUMBER_DIGITS}, as in Python)`);
  }
  return /^[-+]?[1-9][0-9]*$/.test(source) ? BigInt(source) : value;
}

/** PyYAML writes `2024-01-02 03:04:05.600000+00:00`, and a date alone for a `date`. */
function pythonDate(source: string): Date | PlainDate | undefined {
  if (!/^\d{4}-\d\d?-\d\d?/.test(source)) return undefined;
  try {
    return source.length === 10 ? new PlainDate(source) : new DateTime(source);
  } catch {
    return undefined;
  }
}
