/**
 * Every name that the Redis broker uses: kombu's keys and channels exactly (WIRE 6), ours under
 * `<global_keyprefix>ctq:`. docs/wire/redis.md describes each.
 */
import { ConfigError } from '../../errors.js';
import type { QueueOrder } from '../rotation.js';

/** The part of `broker_transport_options` that decides about names and order. Plain data: it crosses to the lease thread. */
export interface RedisLayout {
  readonly db: number;
  /** kombu's `global_keyprefix`: put before every key and channel. */
  readonly prefix: string;
  readonly separator: string;
  readonly prioritySteps: readonly number[];
  readonly unackedKey: string;
  readonly unackedIndexKey: string;
  readonly unackedMutexKey: string;
  readonly visibilityTimeoutS: number;
  readonly queueOrder: QueueOrder;
  readonly fanoutPrefix: string;
  readonly fanoutPatterns: boolean;
  /** Where a message goes that no binding wants; undefined drops it. */
  readonly deadletterQueue: string | undefined;
  /** How often an idle consumer looks although nobody rang; milliseconds. */
  readonly pollingIntervalMs: number;
}

/** kombu's default `sep`, the two bytes 06 16. */
const DEFAULT_SEPARATOR = '\x06\x16';
const DEFAULT_PRIORITY_STEPS = [0, 3, 6, 9];
const DEFAULT_VISIBILITY_TIMEOUT_S = 3600;
const DEFAULT_POLLING_INTERVAL_MS = 1_000;
const QUEUE_ORDERS: readonly QueueOrder[] = ['round_robin', 'sorted', 'priority'];

/**
 * Reads `broker_transport_options`; keys that mean nothing here are left to others.
 *
 * @throws ConfigError for a value of the wrong kind.
 */
export function redisLayout(options: Readonly<Record<string, unknown>>, db: number): RedisLayout {
  const prefix = text(options, 'global_keyprefix', '');
  return {
    db,
    prefix,
    separator: text(options, 'sep', DEFAULT_SEPARATOR),
    prioritySteps: prioritySteps(options['priority_steps']),
    unackedKey: prefix + text(options, 'unacked_key', 'unacked'),
    unackedIndexKey: prefix + text(options, 'unacked_index_key', 'unacked_index'),
    unackedMutexKey: prefix + text(options, 'unacked_mutex_key', 'unacked_mutex'),
    visibilityTimeoutS: seconds(options, 'visibility_timeout', DEFAULT_VISIBILITY_TIMEOUT_S),
    queueOrder: queueOrder(options['queue_order_strategy']),
    fanoutPrefix: fanoutPrefix(options['fanout_prefix'], db),
    fanoutPatterns: options['fanout_patterns'] !== false,
    deadletterQueue: text(options, 'deadletter_queue', '') || undefined,
    pollingIntervalMs: seconds(options, 'polling_interval', DEFAULT_POLLING_INTERVAL_MS / 1000) * 1000,
  };
}

/** The list of a queue that a priority goes to: the largest step not above it, after clamping to 0…9 (WIRE 6.3). */
export function priorityList(layout: RedisLayout, queue: string, priority: number | undefined): string {
  const wanted = Math.min(Math.max(Number.isFinite(priority) ? Math.trunc(priority as number) : 0, 0), 9);
  // Below the lowest step kombu's bisect wraps around to the last one.
  let step = layout.prioritySteps.at(-1) ?? 0;
  if (wanted >= (layout.prioritySteps[0] ?? 0)) for (const candidate of layout.prioritySteps) if (candidate <= wanted) step = candidate;
  return stepList(layout, queue, step);
}

/** All lists of a queue, in the order of serving: step 0 first (the trap of WIRE 6.3). */
export function queueLists(layout: RedisLayout, queue: string): string[] {
  return layout.prioritySteps.map((step) => stepList(layout, queue, step));
}

function stepList(layout: RedisLayout, queue: string, step: number): string {
  return step === 0 ? layout.prefix + queue : layout.prefix + queue + layout.separator + step;
}

export function bindingKey(layout: RedisLayout, exchange: string): string {
  return `${layout.prefix}_kombu.binding.${exchange}`;
}

/** The channel of a fanout publish, and with `#` turned into `*` the pattern of a subscriber (WIRE 6.6). */
export function fanoutChannel(layout: RedisLayout, exchange: string, routingKey: string): string {
  const base = layout.prefix + layout.fanoutPrefix + exchange;
  return routingKey !== '' && layout.fanoutPatterns ? `${base}/${routingKey}` : base;
}

/** Who consumes: owner id → last beat, by the server's clock. */
export function ownersKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:workers`;
}

/** What an owner holds: delivery tag → {@link OwnRecord}. */
export function ownKey(layout: RedisLayout, ownerId: string): string {
  return `${layout.prefix}ctq:own:${ownerId}`;
}

/** How far the calls of one connection have come; see `ledger.ts`. */
export function ledgerKey(layout: RedisLayout, ledgerId: string): string {
  return `${layout.prefix}ctq:ledger:${ledgerId}`;
}

/** Who gives back what a dead owner held; a lock of a few seconds. */
export function rescueKey(layout: RedisLayout, ownerId: string): string {
  return `${layout.prefix}ctq:rescue:${ownerId}`;
}

/** Parked deliveries: `<tag> NUL <list>` → due time in seconds. */
export function parkedKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:parked`;
}

/** Lists that were given parked deliveries lately: list → the deepest of these, by which one sees whether they are taken. */
export function dueKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:due`;
}

/** The lines of parked deliveries that are due and have no room in their list yet: this, and the list. */
export function duePrefix(layout: RedisLayout): string {
  return `${layout.prefix}ctq:due:`;
}

/** The line of a rate limit: its first free place, microseconds since 1970. */
export function rateKey(layout: RedisLayout, name: string): string {
  return `${layout.prefix}ctq:rate:${name}`;
}

/** Who may run a task of which only so many may run at once: holder → until when, milliseconds since 1970. */
export function permitsKey(layout: RedisLayout, name: string): string {
  return `${layout.prefix}ctq:permits:${name}`;
}

/** Ids of revoked tasks → until when they are kept, milliseconds since 1970. */
export function revokedKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:revoked`;
}

/** What was refused from a queue, newest first. */
export function deadLettersKey(layout: RedisLayout, queue: string): string {
  return `${layout.prefix}ctq:dead:${queue}`;
}

/** Tasks that failed: task id → a line of JSON, a line feed, the message. */
export function failedKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:failed`;
}

/** The same: task id → when, milliseconds since 1970. */
export function failedAtKey(layout: RedisLayout): string {
  return `${layout.prefix}ctq:failed:at`;
}

/** How a message ends that `unacked` keeps for us: `[<message>,"","<queue>"]`, the default exchange and its queue. */
export function unackedTail(queue: string): string {
  return `,"",${JSON.stringify(queue)}]`;
}

/** The message inside a value of `unacked` that we wrote; undefined for one of Python's. */
export function unwrapUnacked(value: string): string | undefined {
  const end = value.lastIndexOf(',"","');
  return value.startsWith('[') && end > 0 ? value.slice(1, end) : undefined;
}

function text(options: Readonly<Record<string, unknown>>, key: string, fallback: string): string {
  const value = options[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'string') throw invalid(key, value, 'a text');
  return value;
}

function seconds(options: Readonly<Record<string, unknown>>, key: string, fallback: number): number {
  const value = options[key];
  if (value === undefined || value === null) return fallback;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) throw invalid(key, value, 'seconds above 0');
  return number;
}

function prioritySteps(value: unknown): readonly number[] {
  if (value === undefined || value === null) return DEFAULT_PRIORITY_STEPS;
  const steps: readonly unknown[] = Array.isArray(value) ? value : [];
  if (steps.length === 0 || !steps.every((step): step is number => Number.isInteger(step))) {
    throw invalid('priority_steps', value, 'a list of whole numbers, e.g. [0, 3, 6, 9]');
  }
  return [...new Set(steps)].sort((a, b) => a - b);
}

function queueOrder(value: unknown): QueueOrder {
  if (value === undefined || value === null) return 'round_robin';
  const strategy = QUEUE_ORDERS.find((known) => known === value);
  if (strategy === undefined) throw invalid('queue_order_strategy', value, `one of ${QUEUE_ORDERS.join(', ')}`);
  return strategy;
}

function fanoutPrefix(value: unknown, db: number): string {
  if (value === undefined || value === null || value === true) return `/${db}.`;
  if (value === false) return '';
  if (typeof value !== 'string') throw invalid('fanout_prefix', value, 'true, false or a text');
  return value.replaceAll('{db}', String(db));
}

function invalid(key: string, value: unknown, wanted: string): ConfigError {
  return new ConfigError(`the transport option ${key} cannot be ${JSON.stringify(value)}`, { hint: `it takes ${wanted}` });
}
