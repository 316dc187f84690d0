/**
 * A signature as it travels: Celery's dict of six keys (WIRE 8.1), and the names that its options have
 * there. Above this file options are camelCase.
 */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';

/** What Python's `signature(dict)` revives; written with all six keys, read with `task` alone. */
export interface SignatureJson {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtask_type: 'chain' | 'group' | 'chord' | null;
  readonly immutable: boolean;
}

/** The options that a dict may hold; each has the same name in both spellings. */
const NAMES: readonly (keyof ApplyAsyncOptions)[] = [
  'taskId',
  'countdown',
  'eta',
  'expires',
  'priority',
  'queue',
  'exchange',
  'exchangeType',
  'routingKey',
  'serializer',
  'compression',
  'headers',
  'link',
  'linkError',
  'chain',
  'chord',
  'groupId',
  'groupIndex',
  'rootId',
  'parentId',
  'retries',
  'shadow',
  'ignoreResult',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'replacedTaskNesting',
  'timeLimit',
  'softTimeLimit',
  'replyTo',
  'deliveryMode',
  'retry',
  'retryPolicy',
  'stampedHeaders',
];

const WIRE_NAMES: ReadonlyMap<string, string> = new Map([...NAMES, 'addToParent'].map((name) => [name, snakeCase(name)]));
const OUR_NAMES: ReadonlyMap<string, string> = new Map([...WIRE_NAMES].map(([ours, wire]) => [wire, ours]));

/** Keywords of `apply_async` that mean something in the caller's process only. */
const LOCAL: ReadonlySet<string> = new Set([
  'producer',
  'publisher',
  'connection',
  'router',
  'result_cls',
  'timeout',
  'confirm_timeout',
  'chord_size',
]);

/**
 * Options as a dict holds them, by our names. Stamps are keys of their own there, named by
 * `stamped_headers` (WIRE 8.10); what neither of us knows becomes a message property, as in Celery.
 * Values are taken as they are.
 */
export function readOptions(wire: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const stamped = wire['stamped_headers'];
  const stampNames: ReadonlySet<unknown> = new Set(Array.isArray(stamped) ? stamped : []);
  const options: Record<string, unknown> = {};
  const stamps: [string, unknown][] = [];
  const properties: [string, unknown][] = [];
  for (const [name, value] of Object.entries(wire)) {
    const ours = OUR_NAMES.get(name);
    if (stampNames.has(name)) stamps.push([name, value]);
    else if (ours === 'retryPolicy') options[ours] = renameKeys(value, camelCase);
    else if (ours !== undefined) options[ours] = value;
    else if (!LOCAL.has(name)) properties.push([name, value]);
  }
  // fromEntries defines properties, so that a key __proto__ stays a key.
  if (stamps.length > 0) options['stamps'] = Object.fromEntries(stamps);
  if (properties.length > 0) options['properties'] = Object.fromEntries(properties);
  return options;
}

/** The way back: what was read is written under the names it was read from. */
export function writeOptions(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const pairs: [string, unknown][] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === 'stamps' || name === 'properties') pairs.push(...Object.entries(value ?? {}));
    else pairs.push([WIRE_NAMES.get(name) ?? name, name === 'retryPolicy' ? renameKeys(value, snakeCase) : value]);
  }
  return Object.fromEntries(pairs);
}

function renameKeys(value: unknown, rename: (key: string) => string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), item]));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
