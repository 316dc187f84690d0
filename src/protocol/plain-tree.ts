/**
 * What the YAML and msgpack writers are handed: objects, arrays and scalars that they know, nothing
 * else. The JSON writer does the same work on its own, for speed.
 */
import { ProtocolError } from '../errors.js';
import { MAX_JSON_DEPTH, tooDeep } from './json-reader.js';
import { typeName } from './json-writer.js';

/** Turns one scalar or typed value into what the writer takes; `refuse` throws for what it does not. */
export type LeafWriter = (value: unknown, refuse: (value: unknown) => never) => unknown;

/** Stands for "no leaf: look inside". */
export const CONTAINER = Symbol('container');

/**
 * A copy of a value in which every leaf went through `leaf`, maps are objects, and `toJSON` was asked.
 *
 * @throws ProtocolError for cycles, deep nesting, and everything that is neither data nor known to `leaf`.
 */
export function plainTree(value: unknown, leaf: LeafWriter): unknown {
  return copy(value, leaf, []);
}

function copy(value: unknown, leaf: LeafWriter, open: object[]): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return refuse(value);
  const written = leaf(value, refuse);
  if (written !== CONTAINER) return written;
  const container = value as object;
  if (open.includes(container)) throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', 'Circular reference detected');
  if (open.length >= MAX_JSON_DEPTH) throw tooDeep();
  open.push(container);
  const copied = copyContainer(container, leaf, open);
  open.pop();
  return copied;
}

function copyContainer(container: object, leaf: LeafWriter, open: object[]): unknown {
  if (Array.isArray(container)) return Array.from(container, (item: unknown) => copy(item ?? null, leaf, open));
  if ('toJSON' in container && typeof container.toJSON === 'function') return copy((container.toJSON as () => unknown)(), leaf, open);
  if (!(container instanceof Map) && Object.prototype.toString.call(container) !== '[object Object]') return refuse(container);
  const entries: Iterable<readonly [unknown, unknown]> = container instanceof Map ? container : Object.entries(container);
  const pairs: [string, unknown][] = [];
  for (const [key, item] of entries) {
    if (item !== undefined) pairs.push([String(key), copy(item, leaf, open)]);
  }
  // fromEntries defines properties, so that a key __proto__ stays a key.
  return Object.fromEntries(pairs);
}

function refuse(value: unknown): never {
  throw new ProtocolError('CTQ_PROTOCOL_UNENCODABLE', `can not serialize '${typeName(value)}' object`, {
    hint: 'the json serializer writes more types',
  });
}
