/** The end of a task in one transaction: results, what it sends, its part of a chord, the acknowledgement; all or nothing. */
import type { Settled } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { FailureRecord } from '../../estate/failed-task.js';
import type { ChordPart } from '../../result-backend.js';
import { closeChord, reportPart } from '../../result-backends/sqlite/chords.js';
import { expiryOf, type ResultRow, storeResult } from '../../result-backends/sqlite/rows.js';
import type { Answer } from '../held-delivery.js';
import { keepFailed } from './failed-tasks.js';
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
  readonly failure: FailureRecord | undefined;
}

const ACK: Answer = { kind: 'ack' };

/** A part that completes its chord is only noted, with its result: its delivery stays ours until the body is sent. */
export function applyEnding(
  db: SqliteConnection,
  answering: Answering,
  claim: Claim,
  { results, resultExpires, sends, closes, part, failure }: JointEnding,
): Settled | readonly ChordPart[] {
  const { nowMs } = answering;
  const expiresAt = expiryOf(resultExpires, nowMs);
  if (part !== undefined) {
    if (!answering.isOurs(claim)) return 'fenced';
    const parts = reportPart(db, part, expiresAt);
    if (parts !== undefined) {
      for (const row of results) storeResult(db, row, expiresAt, nowMs);
      return parts;
    }
  }
  if (failure !== undefined) keepFailed(db, claim, failure);
  if (!answering.answer(claim, ACK)) return 'fenced';
  for (const row of results) storeResult(db, row, expiresAt, nowMs);
  // Somebody else may have closed the chord, and sent its body: a part that ran twice.
  if (closes === undefined || closeChord(db, closes)) for (const placed of sends) insertPlaced(db, placed, nowMs);
  return 'settled';
}
