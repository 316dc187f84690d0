/**
 * Answers on their way to the file. What is answered in one tick is one job; what could not be written
 * (a full disk) is tried again for as long as the consumer lives, while its lease keeps others away.
 */
import { type BackOff, backOffMs } from '../../back-off.js';
import type { Settled } from '../../broker.js';
import { failureKind, toBrokerError } from '../../connections/sqlite/failure.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { ChordPart } from '../../result-backend.js';
import type { Answer } from '../held-delivery.js';
import { applyEnding, type JointEnding } from './joint-ending.js';
import { Answering, type Claim } from './messages.js';

type Reply = Settled | readonly ChordPart[];

interface Item {
  readonly claim: Claim;
  readonly weight: number;
  /** An acknowledgement alone is nobody else's news. */
  readonly announce: boolean;
  apply(db: SqliteConnection, answering: Answering): Reply;
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

const LARGEST_JOB = 250;
const RETRY: BackOff = { firstMs: 50, longestMs: 2_000 };

export class AnswerQueue {
  readonly #store: SqliteStore;
  readonly #deadLetterLimit: number;
  #items: Item[] = [];
  #underWay = 0;
  #flushScheduled = false;
  /** After this no further tries are made. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(store: SqliteStore, deadLetterLimit: number) {
    this.#store = store;
    this.#deadLetterLimit = deadLetterLimit;
  }

  answer(claim: Claim, answer: Answer): Promise<Settled> {
    return new Promise((resolve, reject) =>
      this.#add({
        claim,
        weight: 1,
        announce: answer.kind !== 'ack',
        apply: (_db, answering) => (answering.answer(claim, answer) ? 'settled' : 'fenced'),
        resolve: resolve as (reply: Reply) => void,
        reject,
      }),
    );
  }

  end(claim: Claim, ending: JointEnding): Promise<Reply> {
    return new Promise((resolve, reject) =>
      this.#add({
        claim,
        weight: 1 + ending.results.length + ending.sends.length,
        announce: true,
        apply: (db, answering) => applyEnding(db, answering, claim, ending),
        resolve,
        reject,
      }),
    );
  }

  /** Resolves when every answer is written, or given up because the time is over. */
  async drain(patienceMs: number): Promise<void> {
    this.#deadlineMs = performance.now() + patienceMs;
    while (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  #add(item: Item): void {
    this.#items.push(item);
    this.#underWay += 1;
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushScheduled = false;
    const items = this.#items;
    this.#items = [];
    for (let from = 0; from < items.length; from += LARGEST_JOB) void this.#write(items.slice(from, from + LARGEST_JOB), 0);
  }

  async #write(items: readonly Item[], attempt: number): Promise<void> {
    const weight = items.reduce((sum, item) => sum + item.weight, 0);
    try {
      const replies = await this.#store.write(
        (db) => {
          const answering = new Answering(db, Date.now(), this.#deadLetterLimit);
          return items.map((item) => item.apply(db, answering));
        },
        { weight, announce: items.some(({ announce }) => announce) },
      );
      items.forEach((item, index) => item.resolve(replies[index] as Reply));
      this.#done(items.length);
    } catch (error) {
      await this.#tryAgain(items, attempt, error);
    }
  }

  async #tryAgain(items: readonly Item[], attempt: number, error: unknown): Promise<void> {
    const kind = failureKind(error);
    const hopeless = kind === 'bug' || kind === 'too-big';
    if (hopeless && items.length > 1) {
      await Promise.all(items.map((item) => this.#write([item], 0)));
      return;
    }
    const retryInMs = backOffMs(RETRY, attempt + 1);
    if (hopeless || performance.now() + retryInMs > this.#deadlineMs) {
      for (const item of items) item.reject(toBrokerError(error, this.#store.path));
      this.#done(items.length);
      return;
    }
    setTimeout(() => void this.#write(items, attempt + 1), retryInMs);
  }

  #done(count: number): void {
    this.#underWay -= count;
    if (this.#underWay === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}
