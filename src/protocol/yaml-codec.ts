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
  readonly reading: Yaml.Schema;
  /** Knows more notations than `reading`, so that strings which look like any of them are quoted. */
  readonly writing: Yaml.Schema;
}

let codec: Codec | undefined;

// require, because serialising is synchronous and a dynamic import is not.
function load(): Codec {
  if (codec === undefined) {
    const yaml = createRequire(import.meta.url)('js-yaml') as typeof Yaml;
    codec = { yaml, reading: readingSchema(yaml), writing: writingSchema(yaml) };
  }
  return codec;
}

/** Enough for a `safe_dump` of arguments that share values, too few for a bomb (RELIABILITY S2). */
const MAX_ALIASES = 100;
/** What aliases may unfold to; a million values is more than the limit on bodies lets through without them. */
const MAX_UNFOLDED = 1_000_000;

export function decodeYaml(text: string): unknown {
  const { yaml, reading } = load();
  let value: unknown;
  try {
    value = yaml.load(text, { schema: reading, maxDepth: MAX_JSON_DEPTH, maxAliases: MAX_ALIASES });
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', `not YAML: ${reason}`, { cause: error });
  }
  if (text.includes('*')) measure(value, new Map());
  return value;
}

interface Extent {
  /** Values in it, shared ones counted each time. */
  readonly size: number;
  /** Containers inside each other. */
  readonly height: number;
}

const LEAF: Extent = { size: 1, height: 0 };

/** Aliases share values, so the tree that others will walk may be far larger than what was read, or endless. */
function measure(value: unknown, known: Map<object, Extent | 'open'>): Extent {
  if (typeof value !== 'object' || value === null) return LEAF;
  const seen = known.get(value);
  if (seen === 'open') throw new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'not YAML: an alias inside its own anchor');
  if (seen !== undefined) return seen;
  known.set(value, 'open');
  let size = 1;
  let height = 0;
  for (const item of Object.values(value)) {
    const inner = measure(item, known);
    size += inner.size;
    height = Math.max(height, inner.height);
  }
  if (size > MAX_UNFOLDED) throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', 'YAML aliases unfold to more than a million values');
  if (height >= MAX_JSON_DEPTH) throw tooDeep();
  const extent = { size, height: height + 1 };
  known.set(value, extent);
  return extent;
}

export function encodeYaml(value: unknown): string {
  const { yaml, writing } = load();
  // PyYAML sorts keys; anchors for shared values would be legal and only harder to read.
  return yaml.dump(plainTree(value, leaf), { schema: writing, sortKeys: true, noRefs: true, lineWidth: -1, seqInlineFirst: true });
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
function readingSchema(yaml: typeof Yaml): Yaml.Schema {
  const { boolYaml11Tag: bool, intYaml11Tag: int, timestampTag: timestamp, binaryTag: binary } = yaml;
  return new yaml.Schema([
    ...yaml.FAILSAFE_SCHEMA.tags,
    yaml.nullYaml11Tag,
    {
      ...bool,
      resolve: (source, isExplicit, tag) => (/^[yYnN]$/.test(source) ? yaml.NOT_RESOLVED : bool.resolve(source, isExplicit, tag)),
    },
    {
      ...int,
      resolve: (source, isExplicit, tag) =>
        source.length > 15 && PLAIN_INTEGER.test(source) ? exactInteger(source) : int.resolve(source, isExplicit, tag),
    },
    yaml.floatYaml11Tag,
    { ...timestamp, resolve: (source) => pythonDate(source) ?? yaml.NOT_RESOLVED },
    {
      ...binary,
      resolve: (source, isExplicit, tag) => {
        const bytes = binary.resolve(source, isExplicit, tag);
        return bytes instanceof Uint8Array ? Buffer.from(bytes) : yaml.NOT_RESOLVED;
      },
    },
  ]);
}

/**
 * What decides whether a string must be quoted. PyYAML also trips over texts that only begin like a
 * number or a date (`0x_`, `2024-13-99`), over a lone `=` and over `<<`: all these are quoted.
 */
function writingSchema(yaml: typeof Yaml): Yaml.Schema {
  const { intYaml11Tag: int, timestampTag: timestamp, binaryTag: binary } = yaml;
  const dumpInt = yaml.DUMP_SCHEMA.tags.find(({ tagName }) => tagName === int.tagName) as Yaml.ScalarTagDefinition;
  const lookAlike = yaml.defineScalarTag('tag:ctq,2026:look-alike', {
    implicit: true,
    implicitFirstChars: [...'+-.0123456789='],
    resolve: (source) => source,
    identify: () => false,
  });
  return yaml.DUMP_SCHEMA.withTags(
    { ...dumpInt, identify: (value) => typeof value === 'bigint' || int.identify(value), represent: String },
    {
      ...timestamp,
      identify: (value) => value instanceof Date || value instanceof PlainDate,
      represent: (value: Date | PlainDate) =>
        value instanceof DateTime ? value.isoText : value instanceof Date ? value.toISOString() : value.toString(),
    },
    {
      ...binary,
      identify: (value) => value instanceof Uint8Array,
      represent: (value: Uint8Array) => Buffer.from(value).toString('base64'),
    },
    lookAlike,
  );
}

/** As Python writes integers; other notations of such size stay numbers. */
const PLAIN_INTEGER = /^[-+]?[1-9][0-9]*$/;

function exactInteger(source: string): number | bigint {
  if (source.length > MAX_NUMBER_DIGITS) {
    throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `an integer of ${source.length} digits (at most ${MAX_NUMBER_DIGITS}, as in Python)`);
  }
  const value = Number(source);
  return Number.isSafeInteger(value) ? value : BigInt(source);
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
