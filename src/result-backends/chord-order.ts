/** The order in which a chord's body gets its results, where no sorted set of Redis decides it. */
import { stringifyJson } from '../protocol/kombu-json.js';
import type { ChordPart } from '../result-backend.js';

/**
 * By index; parts of one index by the text that Celery would keep for them, whose first difference is the
 * task id (chord-keys capture #6: a part that `add_to_chord` added shares the index of the one that added it).
 */
export function inResultOrder(parts: readonly ChordPart[]): ChordPart[] {
  return [...parts].sort((a, b) => rank(a) - rank(b) || compare(memberText(a), memberText(b)));
}

/** One part as Celery writes it: `[1, "id", "SUCCESS", 3]` (WIRE 7.6). */
export function memberText({ taskId, status, result }: ChordPart): string {
  return `[1, ${JSON.stringify(taskId)}, ${JSON.stringify(status)}, ${stringifyJson(result)}]`;
}

function rank({ groupIndex }: ChordPart): number {
  return groupIndex ?? Number.MAX_VALUE;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
