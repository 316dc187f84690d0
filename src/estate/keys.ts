/** What a store holds, key by key, each named for what it is in Celery's layout. */

/** The order is the one in which `ctq keys` groups them. */
export const KEY_KINDS = [
  ...['queue', 'binding', 'unacked', 'unacked index', 'unacked mutex', 'delayed', 'dead letters', 'result', 'group result', 'chord'],
  ...['pidbox queue', 'reply queue', 'event queue', 'worker', 'lock', 'limit', 'revoked', 'beat', 'unknown'],
] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Why nobody will ever want a key again. */
export type OrphanReason =
  | 'result without expiry'
  | 'reply queue of a client that is gone'
  | 'binding without queue'
  | 'unacked without owner';

export interface KeyReport {
  readonly name: string;
  readonly kind: KeyKind;
  /** What it is about, in words: "queue celery, priority 3". */
  readonly about: string;
  /** The store's own type: `list`, `hash`, `row` … */
  readonly type: string;
  /** How many members, rows or characters. */
  readonly members: number;
  readonly bytes: number | undefined;
  /** Milliseconds to live; undefined: for ever. */
  readonly ttlMs: number | undefined;
  readonly orphan?: OrphanReason;
}

export interface KeyQuery {
  /** A glob as Redis understands it. */
  readonly pattern?: string;
  readonly kinds?: readonly KeyKind[];
}

/** A key taken apart for people: each entry a name and a JSON-like value, or text. */
export interface KeyContents extends KeyReport {
  readonly entries: readonly { readonly name: string; readonly value: unknown }[];
  /** True when only the first entries are shown. */
  readonly more: boolean;
}

export interface KeyDesk {
  /** In pages, in no order; a key that moves while we look may come twice. */
  scan(query: KeyQuery, signal?: AbortSignal): AsyncIterable<readonly KeyReport[]>;
  /** undefined when there is no such key. */
  show(name: string, limit: number): Promise<KeyContents | undefined>;
  /** Removes these keys if they are still orphans; how many went. */
  removeOrphans(keys: readonly KeyReport[]): Promise<number>;
}
