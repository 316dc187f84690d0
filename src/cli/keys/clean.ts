/** `ctq keys clean --orphans`: what nobody will want again goes, after a question. */
import { ORPHAN_REASONS, type OrphanReason } from '../../estate/keys.js';
import type { Estate } from '../../estate/estate.js';
import type { TerminalStream } from '../context.js';
import { countText } from '../output/number.js';
import { type Cell, tableText } from '../output/table.js';
import type { ListedKey } from './census.js';

export interface OrphanCount {
  readonly reason: OrphanReason;
  readonly count: number;
  readonly keys: readonly ListedKey[];
}

const BECOMES: Readonly<Record<OrphanReason, string>> = {
  'result without expiry': 'removed, value and all',
  'reply queue of a client that is gone': 'removed',
  'binding without queue': 'removed',
  'unacked without owner': 'given back to their queue',
};

export function countOrphans(keys: readonly ListedKey[]): readonly OrphanCount[] {
  return ORPHAN_REASONS.map((reason) => {
    const those = keys.filter(({ orphan }) => orphan?.reason === reason);
    return { reason, keys: those, count: those.reduce((sum, { orphan }) => sum + (orphan?.count ?? 0), 0) };
  }).filter(({ count }) => count > 0);
}

export async function orphansText(counts: readonly OrphanCount[], stream: TerminalStream): Promise<string> {
  const rows = counts.map(({ reason, count }): Cell[] => [reason, count, BECOMES[reason]]);
  return tableText(['ORPHAN', 'COUNT', 'WILL BE'], rows, stream, { flexible: ['ORPHAN'] });
}

export function totalOf(counts: readonly OrphanCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0);
}

export function cleanQuestion(counts: readonly OrphanCount[]): string {
  return `Clean up ${countText(totalOf(counts), 'orphan')}`;
}

const BATCH = 1_000;

/** How many went; each was looked at again in the step that removed it. */
export async function removeAll(estates: readonly Estate[], counts: readonly OrphanCount[], signal: AbortSignal): Promise<number> {
  const keys = counts.flatMap((count) => count.keys);
  let gone = 0;
  for (const estate of estates) {
    const own = keys.filter(({ store }) => store === estate.displayUrl);
    for (let at = 0; at < own.length && !signal.aborted; at += BATCH) gone += await estate.keys.removeOrphans(own.slice(at, at + BATCH));
  }
  return gone;
}
