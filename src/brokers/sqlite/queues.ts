/** Queues and bindings. Those that belong to one listener go when it goes, or a while after it was last heard of. */
import type { ExchangeType, Queue, Route } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { bindingMatches } from '../binding.js';

/** How often a listener says that it is there, and how long its queue stays without. Broadcasts pile up that long for a dead one. */
export const REFRESH_EVERY_MS = 10_000;
const LISTENER_LIFE_MS = 60_000;

/** True when the queue and its binding are known already, so that no transaction is needed. */
export function isDeclared(db: SqliteConnection, queue: Queue): boolean {
  const known = db.get('SELECT 1 FROM queue WHERE name = ?', queue.name) !== undefined;
  return known && (queue.exchange.name === '' || isBound(db, queue));
}

function isBound(db: SqliteConnection, { exchange, name, routingKey }: Queue): boolean {
  return (
    db.get(
      'SELECT 1 FROM binding WHERE exchange = ? AND queue = ? AND routing_key = ? AND type = ?',
      exchange.name,
      name,
      routingKey,
      exchange.type,
    ) !== undefined
  );
}

export function declareQueue(db: SqliteConnection, queue: Queue): void {
  db.run('INSERT OR IGNORE INTO queue (name, durable) VALUES (?, ?)', queue.name, queue.durable === false ? 0 : 1);
  bind(db, queue);
}

/** Declares a queue that only `holder` listens to, empty. Whoever held the name before has lost it. */
export function holdQueue(db: SqliteConnection, queue: Queue, holder: string, nowMs: number): void {
  db.run(
    'INSERT OR REPLACE INTO queue (name, durable, holder, expires_at) VALUES (?, 0, ?, ?)',
    queue.name,
    holder,
    nowMs + LISTENER_LIFE_MS,
  );
  db.run('DELETE FROM binding WHERE queue = ?', queue.name);
  bind(db, queue);
}

/** False when the queue is gone or held by somebody else. */
export function refreshHold(db: SqliteConnection, name: string, holder: string, nowMs: number): boolean {
  return db.run('UPDATE queue SET expires_at = ? WHERE name = ? AND holder = ?', nowMs + LISTENER_LIFE_MS, name, holder) > 0;
}

/** Removes the queue with its bindings and messages, if it is still the holder's. */
export function dropHeldQueue(db: SqliteConnection, name: string, holder: string): void {
  if (db.run('DELETE FROM queue WHERE name = ? AND holder = ?', name, holder) > 0) dropContents(db, name);
}

/** Removes the queues of listeners that were not heard of for too long; returns how many. */
export function dropAbandonedQueues(db: SqliteConnection, nowMs: number): number {
  const abandoned = db.all<{ name: string }>('DELETE FROM queue WHERE expires_at <= ? RETURNING name', nowMs);
  for (const { name } of abandoned) dropContents(db, name);
  return abandoned.length;
}

/** How many of these queues somebody listens to: a listener that was killed is counted for two missed refreshes. */
export function countHeard(db: SqliteConnection, names: Iterable<string>, nowMs: number): number {
  const latest = nowMs + LISTENER_LIFE_MS - 2.5 * REFRESH_EVERY_MS;
  let heard = 0;
  for (const name of names) {
    if (db.get('SELECT 1 FROM queue WHERE name = ? AND (expires_at IS NULL OR expires_at > ?)', name, latest) !== undefined) heard += 1;
  }
  return heard;
}

function dropContents(db: SqliteConnection, name: string): void {
  db.run('DELETE FROM binding WHERE queue = ?', name);
  db.run('DELETE FROM message WHERE queue = ? AND owner IS NULL AND due_at IS NULL', name);
}

function bind(db: SqliteConnection, { exchange, name, routingKey }: Queue): void {
  if (exchange.name === '') return;
  db.run(
    'INSERT OR REPLACE INTO binding (exchange, queue, routing_key, type) VALUES (?, ?, ?, ?)',
    exchange.name,
    name,
    routingKey,
    exchange.type,
  );
}

interface BindingRow {
  readonly queue: string;
  readonly routing_key: string;
  readonly type: ExchangeType;
}

/** The queues that a publish reaches, each once. The default exchange reaches its queue whether declared or not, as on Redis. */
export function targetsOf(db: SqliteConnection, route: Route): Iterable<string> {
  if (route.exchange.name === '') return [route.routingKey];
  const targets = new Set<string>();
  for (const row of db.all<BindingRow>('SELECT queue, routing_key, type FROM binding WHERE exchange = ?', route.exchange.name)) {
    if (bindingMatches(row.type, row.routing_key, route.routingKey)) targets.add(row.queue);
  }
  return targets;
}
