/**
 * The newest failed tasks, from the records of ctq's workers and, where events are on, from whatever
 * fails meanwhile. Looking through all stored results is done only when somebody asks for it.
 */
import type { Clock } from '../../clock.js';
import { listFailed } from '../../ctq/failed-tasks.js';
import { type FailedTask, ofLetter } from '../../ctq/failed-task.js';
import type { Estate } from '../../estate/estate.js';
import type { ClusterState } from '../../events/cluster-state.js';
import { FAILURE } from '../../protocol/states.js';
import { isCtqError } from '../exit-codes.js';
import type { FailureRow } from './model.js';

const MOST_LETTERS = 200;
const MOST_SCANNED = 1_000;
const MOST_FORGOTTEN = 1_000;
const LONGEST_REASON = 2_000;
/** One look takes no longer, whatever there is to look through. */
const LOOK_MS = 250;
/** And all of them together no more than this part of the time. */
const DUTY = 0.02;

export interface FailureBookParts {
  readonly estates: readonly Estate[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export class FailureBook {
  readonly #parts: FailureBookParts;
  #letters: readonly FailureRow[] = [];
  #scanned: readonly FailureRow[] = [];
  /** Tasks that were sent again from here, and when: what failed before that is history. */
  readonly #forgotten = new Map<string, number>();
  #nextLookMs = Number.NEGATIVE_INFINITY;
  #more = false;

  constructor(parts: FailureBookParts) {
    this.#parts = parts;
  }

  /** Reads the newest, if it is time to. */
  async refresh(): Promise<void> {
    const { estates, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    if (startedMs < this.#nextLookMs) return;
    const limit = new AbortController();
    const timer = clock.setTimeout(() => limit.abort(), LOOK_MS);
    const rows: FailureRow[] = [];
    let more = false;
    for (const estate of estates.filter(({ parts }) => parts.includes('broker'))) {
      try {
        for await (const page of estate.deadLetters.list(limit.signal)) {
          for (const letter of page) rows.push(rowOf(ofLetter(letter, estate), `${letter.kind} ${letter.queue} ${rows.length}`));
          more = rows.length > MOST_LETTERS;
          if (more) break;
        }
      } catch (error) {
        if (!limit.signal.aborted || isCtqError(error)) throw error;
        more = true;
      } finally {
        timer.cancel();
      }
    }
    this.#letters = rows.slice(0, MOST_LETTERS);
    this.#more = more;
    const endedMs = clock.monotonicMs();
    this.#nextLookMs = endedMs + (endedMs - startedMs) / DUTY;
  }

  /** Looks through all results; how many failed tasks there are. */
  async scan(): Promise<number> {
    const { estates, signal } = this.#parts;
    const failed = await listFailed(estates, { signal });
    this.#scanned = failed.slice(0, MOST_SCANNED).map((one, index) => rowOf(one, `found ${index}`));
    return failed.length;
  }

  /** It was sent again. */
  forget(id: string, nowMs: number): void {
    this.#forgotten.delete(id);
    this.#forgotten.set(id, nowMs);
    for (const oldest of this.#forgotten.keys()) {
      if (this.#forgotten.size <= MOST_FORGOTTEN) break;
      this.#forgotten.delete(oldest);
    }
    this.#nextLookMs = Number.NEGATIVE_INFINITY;
  }

  rows(events: ClusterState | undefined): { readonly rows: readonly FailureRow[]; readonly more: boolean } {
    const byKey = new Map<string, FailureRow>();
    // The last word is the one that knows most: a record has the message, a result the reason.
    for (const row of [...heardOf(events), ...this.#scanned, ...this.#letters]) {
      const forgottenAtMs = this.#forgotten.get(row.id);
      if (forgottenAtMs === undefined || (row.atMs ?? 0) > forgottenAtMs) byKey.set(row.key, row);
    }
    return { rows: [...byKey.values()], more: this.#more };
  }
}

function rowOf({ taskId, task, queue, reason, worker, retries, atMs, source }: FailedTask, otherwise: string): FailureRow {
  return {
    key: taskId === '' ? otherwise : taskId,
    id: taskId,
    ...{ task: task ?? null, queue: queue ?? null, worker: worker ?? null },
    reason: reason.slice(0, LONGEST_REASON),
    ...{ retries: retries ?? null, atMs: atMs ?? null, source },
  };
}

function heardOf(events: ClusterState | undefined): readonly FailureRow[] {
  return [...(events?.tasks.values() ?? [])]
    .filter(({ state }) => state === FAILURE)
    .map(({ uuid, name, queue, worker, exception, retries, timestamp }) => ({
      key: uuid,
      id: uuid,
      task: name,
      queue,
      worker,
      reason: (exception ?? '').slice(0, LONGEST_REASON),
      retries,
      atMs: timestamp === null ? null : timestamp * 1000,
      source: 'event',
    }));
}
