/** What one consumer holds, and the answers to it on their way to the file. */
import type { Settled } from '../../broker.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { FailureRecord } from '../../estate/failed-task.js';
import { encodeEnvelope } from '../../protocol/envelope.js';
import type { ChordPart } from '../../result-backend.js';
import type { Answer } from '../held-delivery.js';
import { AnswerQueue } from './answer-queue.js';
import type { AnswerTaker, SqliteDelivery } from './delivery.js';
import { keepFailedText } from './failed-tasks.js';
import type { JointEnding } from './joint-ending.js';
import type { Claim } from './messages.js';

export interface HeldParts {
  readonly store: SqliteStore;
  readonly deadLetterLimit: number;
  /** The prefetch has room again. */
  readonly freed: () => void;
}

export class Held implements AnswerTaker {
  readonly #store: SqliteStore;
  readonly #freed: () => void;
  readonly #answers: AnswerQueue;
  /** By delivery tag, in the order of taking. */
  readonly #deliveries = new Map<string, SqliteDelivery>();

  constructor(parts: HeldParts) {
    this.#store = parts.store;
    this.#freed = parts.freed;
    this.#answers = new AnswerQueue(parts.store, parts.deadLetterLimit);
  }

  get size(): number {
    return this.#deliveries.size;
  }

  /** The queue of each. */
  get queues(): readonly string[] {
    return [...this.#deliveries.values()].map(({ queue }) => queue);
  }

  add(delivery: SqliteDelivery): void {
    this.#deliveries.set(delivery.deliveryTag, delivery);
  }

  settle(delivery: SqliteDelivery, answer: Answer): Promise<Settled> {
    const settled = this.#answers.answer(delivery.claim, answer);
    this.#release(delivery);
    return settled;
  }

  /** A part that completes its chord is held on: its end follows. */
  async end(delivery: SqliteDelivery, ending: JointEnding): Promise<Settled | readonly ChordPart[]> {
    const ended = this.#answers.end(delivery.claim, ending);
    if (ending.part === undefined) {
      this.#release(delivery);
      return ended;
    }
    const reply = await ended;
    if (typeof reply === 'string') this.#release(delivery);
    return reply;
  }

  async remember(delivery: SqliteDelivery, record: FailureRecord): Promise<void> {
    const envelope = encodeEnvelope(delivery.message);
    await this.#store.write((db) => keepFailedText(db, record, delivery.claim.step, envelope));
  }

  /** Puts aside what nobody can work on. */
  bury(claim: Claim, reason: string): Promise<Settled> {
    return this.#answers.answer(claim, { kind: 'reject', reason });
  }

  /** All of it is somebody else's now. */
  fenceAll(): readonly SqliteDelivery[] {
    const deliveries = [...this.#deliveries.values()];
    this.#deliveries.clear();
    for (const delivery of deliveries) delivery.fence();
    return deliveries;
  }

  /** Resolves when every answer is written, or given up because the time is over. */
  drain(patienceMs: number): Promise<void> {
    return this.#answers.drain(patienceMs);
  }

  #release(delivery: SqliteDelivery): void {
    this.#deliveries.delete(delivery.deliveryTag);
    this.#freed();
  }
}
