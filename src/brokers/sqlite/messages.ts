/**
 * The life of a row in `message`, statement by statement. All of it runs inside a transaction of the
 * caller's. Ready: no owner and not due later. Owned. Parked: due later.
 */
import type { ReturnCause } from '../../broker.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { Answer } from '../held-delivery.js';

/** Proof of ownership: a row that was taken from us and taken again has another `take`. */
export interface Claim {
  readonly id: number;
  readonly take: number;
  readonly owner: number;
  readonly queue: string;
  readonly step: number;
}

export interface ClaimedRow {
  readonly id: number;
  readonly take: number;
  readonly step: number;
  readonly place: number;
  readonly redeliveries: number;
  /** Text as we write it; a foreign program may have put bytes there. */
  readonly envelope: unknown;
  readonly queue: string;
}

export interface NewMessage {
  readonly queue: string;
  readonly step: number;
  readonly envelope: string | Uint8Array;
}

/** Moves a parked message before all that were never put to the front, ordered among its like by when it was due. */
const DUE_PLACE = 'due_at - 9000000000000000';
const LAST_DUE_MS = 8.64e15;
/** Dead letters go over their limit by about this many. */
const TRIM_EVERY = 64;
const READY = 'owner IS NULL AND due_at IS NULL';

export function insertMessage(db: SqliteConnection, message: NewMessage, nowMs: number): void {
  db.run(
    'INSERT INTO message (queue, step, published_at, envelope) VALUES (?, ?, ?, ?)',
    message.queue,
    message.step,
    nowMs,
    message.envelope,
  );
}

/** The lowest priority step with something ready; undefined when nothing is. */
function lowestReadyStep(db: SqliteConnection, queue: string): number | undefined {
  return db.get<{ step: number }>(`SELECT step FROM message WHERE queue = ? AND ${READY} ORDER BY step LIMIT 1`, queue)?.step;
}

export function hasReady(db: SqliteConnection, queues: readonly string[]): boolean {
  return queues.some((queue) => lowestReadyStep(db, queue) !== undefined);
}

/**
 * Takes up to `limit` messages: the lowest step first, as kombu does (WIRE 6.4); the queues that have
 * something in that step share what is free, beginning with the first of `queues`.
 */
export function claim(db: SqliteConnection, owner: number, queues: readonly string[], limit: number): ClaimedRow[] {
  const claimed: ClaimedRow[] = [];
  while (claimed.length < limit) {
    const steps = new Map<string, number>();
    for (const queue of queues) {
      const step = lowestReadyStep(db, queue);
      if (step !== undefined) steps.set(queue, step);
    }
    if (steps.size === 0) break;
    const lowest = Math.min(...steps.values());
    const sharing = queues.filter((queue) => steps.get(queue) === lowest);
    for (const [index, queue] of sharing.entries()) {
      const share = Math.ceil((limit - claimed.length) / (sharing.length - index));
      if (share > 0) claimed.push(...claimFrom(db, owner, queue, lowest, share));
    }
  }
  return claimed;
}

function claimFrom(db: SqliteConnection, owner: number, queue: string, step: number, limit: number): ClaimedRow[] {
  const rows = db.all<ClaimedRow>(
    `UPDATE message SET owner = ?, take = take + 1
     WHERE id IN (SELECT id FROM message WHERE queue = ? AND step = ? AND ${READY} ORDER BY place, id LIMIT ?)
     RETURNING id, take, step, place, redeliveries, envelope, queue`,
    owner,
    queue,
    step,
    limit,
  );
  // RETURNING promises no order (sqlite.org/lang_returning).
  return rows.sort((a, b) => a.place - b.place || a.id - b.id);
}

/** No-ack: takes and forgets. */
export function takeAway(db: SqliteConnection, queue: string, limit: number): unknown[] {
  return db
    .all<{ id: number; envelope: unknown }>(
      `DELETE FROM message WHERE id IN (SELECT id FROM message WHERE queue = ? AND ${READY} ORDER BY step, place, id LIMIT ?)
       RETURNING id, envelope`,
      queue,
      limit,
    )
    .sort((a, b) => a.id - b.id)
    .map(({ envelope }) => envelope);
}

/** Answers deliveries in the order given. One for each transaction, so that several put to the front keep their order. */
export class Answering {
  readonly nowMs: number;
  readonly #db: SqliteConnection;
  readonly #deadLetterLimit: number;

  constructor(db: SqliteConnection, nowMs: number, deadLetterLimit: number) {
    this.#db = db;
    this.nowMs = nowMs;
    this.#deadLetterLimit = deadLetterLimit;
  }

  isOurs({ id, take, owner }: Claim): boolean {
    return this.#db.get('SELECT 1 FROM message WHERE id = ? AND take = ? AND owner = ?', id, take, owner) !== undefined;
  }

  /** False when the message is not ours any more; then nothing was changed. */
  answer(claim: Claim, answer: Answer): boolean {
    switch (answer.kind) {
      case 'ack':
        return this.#delete(claim);
      case 'requeue':
        return answer.position === 'front' ? this.#toFront(claim, answer.after) : this.#toBack(claim, answer.after);
      case 'reject':
        return this.#bury(claim, answer.reason);
      case 'park':
        return this.#park(claim, answer.dueAtMs);
      default:
        return answer satisfies never;
    }
  }

  /** Puts it among the dead letters. */
  #bury({ id, take, owner, queue }: Claim, reason: string): boolean {
    const kept = this.#db.run(
      `INSERT INTO dead_letter (queue, reason, redeliveries, published_at, died_at, envelope)
       SELECT queue, ?, redeliveries, published_at, ?, envelope FROM message WHERE id = ? AND take = ? AND owner = ?`,
      reason,
      this.nowMs,
      id,
      take,
      owner,
    );
    if (kept === 0) return false;
    this.#db.run('DELETE FROM message WHERE id = ?', id);
    // Finding the oldest to go reads past all that stay: not for every one.
    if (this.#deadLetterLimit >= TRIM_EVERY && Math.random() * TRIM_EVERY >= 1) return true;
    this.#db.run(
      'DELETE FROM dead_letter WHERE queue = ?1 AND id <= (SELECT id FROM dead_letter WHERE queue = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
      queue,
      this.#deadLetterLimit,
    );
    return true;
  }

  #delete({ id, take, owner }: Claim): boolean {
    return this.#db.run('DELETE FROM message WHERE id = ? AND take = ? AND owner = ?', id, take, owner) > 0;
  }

  /** It keeps its place, which is before all that came after it: what is given back late must not overtake what was given back before. */
  #toFront({ id, take, owner }: Claim, after: ReturnCause): boolean {
    const changed = this.#db.run(
      `UPDATE message SET owner = NULL, redeliveries = ${COUNT_AFTER[after]} WHERE id = ? AND take = ? AND owner = ?`,
      id,
      take,
      owner,
    );
    return changed > 0;
  }

  /** As a new row: its id is its place in the line. */
  #toBack({ id, take, owner }: Claim, after: ReturnCause): boolean {
    const moved = this.#db.run(
      `INSERT INTO message (queue, step, redeliveries, published_at, envelope)
       SELECT queue, step, ${COUNT_AFTER[after]}, published_at, envelope FROM message WHERE id = ? AND take = ? AND owner = ?`,
      id,
      take,
      owner,
    );
    if (moved === 0) return false;
    this.#db.run('DELETE FROM message WHERE id = ?', id);
    return true;
  }

  #park({ id, take, owner }: Claim, dueAtMs: number): boolean {
    const due = Math.trunc(Math.min(Math.max(dueAtMs, 0), LAST_DUE_MS));
    return this.#db.run('UPDATE message SET owner = NULL, due_at = ? WHERE id = ? AND take = ? AND owner = ?', due, id, take, owner) > 0;
  }
}

/** What `redeliveries` becomes: deaths are counted, returns only noted. */
const COUNT_AFTER: Readonly<Record<ReturnCause, string>> = { death: 'redeliveries + 1', return: 'MAX(redeliveries, 1)' };

/** Gives back all that an owner holds. They keep their places, which are before all that came after them. */
export function giveBackAll(db: SqliteConnection, owner: number, after: ReturnCause): number {
  return db.run(`UPDATE message SET owner = NULL, redeliveries = ${COUNT_AFTER[after]} WHERE owner = ?`, owner);
}

/** When the next parked message is due; undefined when none is parked. */
export function nextDueAt(db: SqliteConnection): number | undefined {
  return db.get<{ due_at: number }>('SELECT due_at FROM message WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1')?.due_at;
}

/** Makes parked messages ready whose time has come; returns how many. */
export function releaseDue(db: SqliteConnection, nowMs: number, limit: number): number {
  return db.run(
    `UPDATE message SET place = ${DUE_PLACE}, due_at = NULL
     WHERE id IN (SELECT id FROM message WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?)`,
    nowMs,
    limit,
  );
}

export function countReady(db: SqliteConnection, queue: string): number {
  return db.get<{ ready: number }>(`SELECT count(*) AS ready FROM message WHERE queue = ? AND ${READY}`, queue)?.ready ?? 0;
}

/** Removes what waits in the queue, at most `limit` of it; returns how many. */
export function purgeReady(db: SqliteConnection, queue: string, limit: number): number {
  return db.run(`DELETE FROM message WHERE id IN (SELECT id FROM message WHERE queue = ? AND ${READY} LIMIT ?)`, queue, limit);
}
