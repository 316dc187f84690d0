/** Counts keys as they come, by kind, and keeps as many as will be listed. */
import { KEY_KINDS, type KeyKind, type KeyReport } from '../../estate/keys.js';

export const KEY_ORDERS = ['bytes', 'members', 'ttl', 'name'] as const;
export type KeyOrder = (typeof KEY_ORDERS)[number];

/** A key and the store that has it. */
export interface ListedKey extends KeyReport {
  readonly store: string;
}

export interface KindCount {
  readonly kind: KeyKind;
  keys: number;
  members: number;
  bytes: number;
  /** How many stay for ever. */
  withoutExpiry: number;
  /** Keys and members that nobody will want again. */
  orphans: number;
}

const COMPARE: Readonly<Record<KeyOrder, (a: KeyReport, b: KeyReport) => number>> = {
  bytes: (a, b) => (b.bytes ?? -1) - (a.bytes ?? -1) || byName(a, b),
  members: (a, b) => (b.members ?? -1) - (a.members ?? -1) || byName(a, b),
  // The next one to expire first.
  ttl: (a, b) => (a.ttlMs ?? Number.MAX_VALUE) - (b.ttlMs ?? Number.MAX_VALUE) || byName(a, b),
  name: byName,
};

export class KeyCensus {
  readonly #limit: number;
  readonly #compare: (a: KeyReport, b: KeyReport) => number;
  readonly #counts = new Map<KeyKind, KindCount>();
  #kept: ListedKey[] = [];
  #total = 0;
  #bytes = 0;

  /** @param limit - How many to keep; of a million keys only those are in memory. */
  constructor(order: KeyOrder, limit: number) {
    this.#limit = limit;
    this.#compare = COMPARE[order];
  }

  add(key: ListedKey): void {
    this.#total += 1;
    this.#bytes += key.bytes ?? 0;
    this.#count(key);
    this.#kept.push(key);
    if (this.#kept.length >= 2 * this.#limit + 1000) this.#kept = this.keys.slice();
  }

  get total(): number {
    return this.#total;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Those to be listed, in order. */
  get keys(): readonly ListedKey[] {
    return [...this.#kept].sort(this.#compare).slice(0, this.#limit);
  }

  get kinds(): readonly KindCount[] {
    return [...this.#counts.values()].sort((a, b) => KEY_KINDS.indexOf(a.kind) - KEY_KINDS.indexOf(b.kind));
  }

  #count({ kind, members, bytes, ttlMs, orphan }: KeyReport): void {
    const count = this.#counts.get(kind) ?? { kind, keys: 0, members: 0, bytes: 0, withoutExpiry: 0, orphans: 0 };
    this.#counts.set(kind, count);
    count.keys += 1;
    count.members += members ?? 0;
    count.bytes += bytes ?? 0;
    if (ttlMs === undefined) count.withoutExpiry += 1;
    count.orphans += orphan?.count ?? 0;
  }
}

function byName(a: KeyReport, b: KeyReport): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
