/** The end of a task in one transaction: results, what it sends, its part of a chord, the acknowledgement; all or nothing. */
import type { Settled } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { ChordPart } from '../../result-backend.js';
import { closeChord, reportPart } from '../../result-backends/sqlite/chords.js';
import { expiryOf, type ResultRow, storeResult } from '../../result-backends/sqlite/rows.js';
import type { Answering, Claim } from './messages.js';
import { insertPlaced, type PlacedMessage } from './publishing.js';

export interface JointEnding {
  readonly results: readonly ResultRow[];
  /** Seconds; 0 or null keeps them for ever. */
  readonly resultExpires: number | null;
  readonly sends: readonly PlacedMessage[];
  /** The chord whose body is among what is sent. */
  readonly closes: string | undefined;
  readonly part: ChordPart | undefined;
}

/** A part that completes its chord is only noted: its delivery stays ours until the body is sent. */
export function applyEnding(
  db: SqliteConnection,
  answering: Answering,
  claim: Claim,
  { results, resultExpires, sends, closes, part }: JointEnding,
): Settled | readonly ChordPart[] {
  if (!answering.isOurs(claim)) return 'fenced';
  const { nowMs } = answering;
  const expiresAt = expiryOf(resultExpires, nowMs);
  for (const row of results) storeResult(db, row, expiresAt, nowMs);
  const parts = part === undefined ? undefined : reportPart(db, part, expiresAt);
  if (parts !== undefined) return parts;
  // Somebody else may have closed the chord, and sent its body: a part that ran twice.
  if (closes === undefined || closeChord(db, closes)) for (const placed of sends) insertPlaced(db, placed, nowMs);
  answering.answer(claim, { kind: 'ack' });
  return 'settled';
}
