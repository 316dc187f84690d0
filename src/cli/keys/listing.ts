/** `ctq keys`: what there is, summed by kind where it is much, and the largest of it. */
import type { KeyKind, KeyReport } from '../../estate/keys.js';
import type { Estate } from '../../estate/estate.js';
import type { TerminalStream } from '../context.js';
import { escapeText } from '../escape-text.js';
import { bytesText } from '../output/bytes.js';
import { jsonText } from '../output/json.js';
import { countText, numberText } from '../output/number.js';
import { durationText } from '../output/relative-time.js';
import { type Cell, tableText } from '../output/table.js';
import { textWidth } from '../output/width.js';
import { KeyCensus, type KeyOrder, type KindCount, type ListedKey } from './census.js';

/** Columns that it takes to say of each key what it is. */
const WIDE = 100;
/** A longer name of a key may be cut: `celery-task-meta-` and `reply.celery.pidbox` with an id are shorter. */
const LONGEST_WHOLE = 60;

export interface Listing {
  readonly pattern: string | undefined;
  readonly kinds: readonly KeyKind[] | undefined;
  readonly order: KeyOrder;
  readonly limit: number;
  /** Only those that nobody will want again. */
  readonly orphans: 'only' | 'too';
  /** Results that are meant to stay are nobody's orphans. */
  readonly isOrphan: (key: KeyReport) => boolean;
}

interface CensusWatch {
  readonly signal: AbortSignal;
  /** How many keys were looked at by now. */
  readonly onProgress?: (keys: number) => void;
}

export async function takeCensus(estates: readonly Estate[], listing: Listing, { signal, onProgress }: CensusWatch): Promise<KeyCensus> {
  const { pattern, kinds, order, limit, orphans, isOrphan } = listing;
  const census = new KeyCensus(order, limit);
  let seen = 0;
  const query = { ...(pattern === undefined ? {} : { pattern }), ...(kinds === undefined ? {} : { kinds }) };
  await Promise.all(
    estates.map(async ({ keys, displayUrl }) => {
      for await (const page of keys.scan(query, signal)) {
        for (const { orphan, ...report } of page) {
          const kept = orphan !== undefined && isOrphan({ ...report, orphan });
          if (kept || orphans === 'too') census.add({ ...report, store: displayUrl, ...(kept ? { orphan } : {}) });
        }
        seen += page.length;
        onProgress?.(seen);
      }
    }),
  );
  return census;
}

export async function censusText(census: KeyCensus, listing: Listing, stream: TerminalStream): Promise<string> {
  const { keys } = census;
  const rows = await keysText(keys, listing, stream);
  if (census.total <= keys.length || stream.isTTY !== true) return rows;
  return `${await kindsText(census.kinds, stream)}\n${rows}`;
}

/** One line below it all. */
export function censusNote(census: KeyCensus, { order }: Listing): string {
  const { keys, total, bytes } = census;
  const all = `${countText(total, 'key')}, ${bytesText(bytes)}`;
  const word = { bytes: 'largest', members: 'fullest', ttl: 'next to expire', name: 'first by name' }[order];
  const shown = keys.length < total ? `; listed are the ${keys.length} ${word}, --limit and --kind show others` : '';
  return `${all}${shown}; ctq keys show <key> decodes one`;
}

/** The document of `--json`. */
export function censusJson({ keys, kinds, total, bytes }: KeyCensus): string {
  return jsonText({
    total: { keys: total, bytes },
    kinds: kinds.map((count) => ({
      ...{ kind: count.kind, keys: count.keys, members: count.members, bytes: count.bytes },
      ...{ without_expiry: count.withoutExpiry, orphans: count.orphans },
    })),
    keys: keys.map(keyDocument),
  });
}

export function keyDocument({ name, kind, about, type, members, bytes, ttlMs, orphan, store }: ListedKey): Record<string, unknown> {
  return {
    ...{ name, kind, about, type, members: members ?? null, bytes: bytes ?? null, ttl_ms: ttlMs ?? null },
    ...{ orphan: orphan ?? null, store },
  };
}

async function kindsText(kinds: readonly KindCount[], stream: TerminalStream): Promise<string> {
  const rows = kinds.map(({ kind, keys, members, bytes, withoutExpiry, orphans }): Cell[] => [
    ...[kind, keys, blankZero(members), sizeCell(bytes), blankZero(withoutExpiry), blankZero(orphans)],
  ]);
  return tableText(['KIND', 'KEYS', 'MEMBERS', 'SIZE', 'NO EXPIRY', 'ORPHANS'], rows, stream);
}

async function keysText(keys: readonly ListedKey[], { orphans }: Listing, stream: TerminalStream): Promise<string> {
  const second = orphans === 'only' ? 'ORPHAN' : 'WHAT';
  // The name says the rest, and more of it can be read then.
  const isNarrow = stream.isTTY === true && (stream.columns ?? 0) < WIDE;
  const rows = keys.map((key): Cell[] => [
    ...[key.name, orphans === 'only' ? orphanText(key) : isNarrow ? key.kind : key.about],
    ...[key.members ?? '', sizeCell(key.bytes), ttlCell(key.ttlMs)],
  ]);
  // Whoever looks for a key copies its name, which mostly ends in an id.
  const isCut = keys.some(({ name }) => textWidth(escapeText(name)) > LONGEST_WHOLE);
  return tableText(['KEY', second, 'MEMBERS', 'SIZE', 'EXPIRES'], rows, stream, {
    flexible: isCut ? ['KEY', second] : isNarrow ? [] : [second],
  });
}

function orphanText({ orphan, members }: KeyReport): string {
  if (orphan === undefined) return '';
  return members === undefined ? orphan.reason : `${orphan.reason} (${numberText(orphan.count)} of ${numberText(members)})`;
}

function sizeCell(bytes: number | undefined): Cell {
  return bytes === undefined ? '' : { shown: bytesText(bytes), plain: String(bytes) };
}

function ttlCell(ttlMs: number | undefined): Cell {
  return ttlMs === undefined ? { shown: 'never', plain: '' } : { shown: `in ${durationText(ttlMs)}`, plain: String(ttlMs) };
}

function blankZero(count: number): Cell {
  return count === 0 ? '' : count;
}
