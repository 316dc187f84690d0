/** What a store holds, key by key, each named for what it is in Celery's layout. */

/** The order is the one in which `ctq keys` groups them. */
export const KEY_KINDS = [
  ...['queue', 'binding', 'unacked', 'unacked index', 'unacked mutex', 'delayed', 'dead letters', 'failed tasks', 'removed'],
  ...['result', 'group result', 'chord', 'pidbox queue', 'reply queue', 'event queue', 'worker', 'lock', 'limit', 'revoked', 'beat'],
  'unknown',
] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/**
 * Why nobody will ever want a key again.
 *
 * - `result without expiry`: it stays until somebody removes it.
 * - `reply queue of a client that is gone`: its replies have lain there for longer than a client that lives leaves them.
 * - `binding without queue`: of a client that is gone, or to queues that nobody listens to any more.
 * - `unacked without owner`: no index knows it, so nobody gives it back.
 */
export const ORPHAN_REASONS = [
  'result without expiry',
  'reply queue of a client that is gone',
  'binding without queue',
  'unacked without owner',
] as const;
export type OrphanReason = (typeof ORPHAN_REASONS)[number];

export interface Orphan {
  readonly reason: OrphanReason;
  /** How many members; 1 for a key that is an orphan as a whole. */
  readonly count: number;
}

export interface KeyReport {
  readonly name: string;
  readonly kind: KeyKind;
  /** What it is about, in words: "queue celery, priority 3". */
  readonly about: string;
  /** The store's own type: `list`, `hash`, `row` … */
  readonly type: string;
  /** undefined for a single value, and where counting would blur what else there is to know. */
  readonly members: number | undefined;
  /** What the store needs for it, measured at a few of its members. */
  readonly bytes: number | undefined;
  /** Milliseconds to live; undefined: for ever. */
  readonly ttlMs: number | undefined;
  readonly orphan?: Orphan;
}

export interface KeyQuery {
  /** A glob as Redis understands it. */
  readonly pattern?: string;
  readonly kinds?: readonly KeyKind[];
}

export interface KeyEntry {
  readonly name: string;
  /** JSON-like. */
  readonly value: unknown;
}

/** A key taken apart for people. */
export interface KeyContents extends KeyReport {
  readonly entries: readonly KeyEntry[];
  /** True when only some of the entries are here. */
  readonly more: boolean;
}

export interface KeyPage {
  /** How many entries to leave out; where the store has no order, none. */
  readonly offset: number;
  readonly limit: number;
}

export interface KeyDesk {
  /** In pages, in no order. Each key comes once; one that appears or goes while we look may come or not. */
  scan(query: KeyQuery, signal?: AbortSignal): AsyncIterable<readonly KeyReport[]>;
  /** undefined when there is no such key. */
  show(name: string, page: KeyPage): Promise<KeyContents | undefined>;
  /**
   * Removes of these keys what is still an orphan; how many keys and members went. Messages are never
   * removed: those without owner go back to their queue.
   */
  removeOrphans(keys: readonly KeyReport[]): Promise<number>;
}
