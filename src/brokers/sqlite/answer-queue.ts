/**
 * Answers on their way to the file. What is answered in one tick is one job; what could not be written
 * (a full disk) is tried again for as long as the consumer lives, while its lease keeps others away.
 */
import type { Settled } from '../../broker.js';
import { failureKind, toBrokerError } from '../../connections/sqlite/failure.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { expiryOf, storeResult } from '../../result-backends/sqlite/rows.js';
import type { Answer } from '../held-delivery.js';
import type { JointResult } from './delivery.js';
import { Answering, type Claim } from './messages.js';

interface Item {
  readonly claim: Claim;
  readonly answer: Answer;
  readonly result: JointResult | undefined;
  resolve(settled: Settled): void;
  reject(error: unknown): void;
}

const LARGEST_JOB = 250;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

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

  add(claim: Claim, answer: Answer, result: JointResult | undefined): Promise<Settled> {
    return new Promise((resolve, reject) => {
      this.#items.push({ claim, answer, result, resolve, reject });
      this.#underWay += 1;
      if (this.#flushScheduled) return;
      this.#flushScheduled = true;
      queueMicrotask(() => this.#flush());
    });
  }

  /** Resolves when every answer is written, or given up because the time is over. */
  async drain(patienceMs: number): Promise<void> {
    this.#deadlineMs = performance.now() + patienceMs;
    while (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  #flush(): void {
    this.#flushScheduled = false;
    const items = this.#items;
    this.#items = [];
    for (let from = 0; from < items.length; from += LARGEST_JOB) void this.#write(items.slice(from, from + LARGEST_JOB), 0);
  }

  async #write(items: readonly Item[], attempt: number): Promise<void> {
    const announce = items.some(({ answer, result }) => answer.kind !== 'ack' || result !== undefined);
    try {
      const answers = await this.#store.write((db) => this.#apply(db, items), { weight: items.length, announce });
      items.forEach((item, index) => item.resolve(answers[index] === true ? 'settled' : 'fenced'));
      this.#done(items.length);
    } catch (error) {
      await this.#tryAgain(items, attempt, error);
    }
  }

  #apply(db: SqliteConnection, items: readonly Item[]): boolean[] {
    const nowMs = Date.now();
    const answering = new Answering(db, nowMs, this.#deadLetterLimit);
    return items.map(({ claim, answer, result }) => {
      const ours = answering.answer(claim, answer);
      if (ours && result !== undefined) storeResult(db, result.row, expiryOf(result.resultExpires, nowMs), nowMs);
      return ours;
    });
  }

  async #tryAgain(items: readonly Item[], attempt: number, error: unknown): Promise<void> {
    const kind = failureKind(error);
    const hopeless = kind === 'bug' || kind === 'too-big';
    if (hopeless && items.length > 1) {
      await Promise.all(items.map((item) => this.#write([item], 0)));
      return;
    }
    const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS) * (0.75 + Math.random() / 2);
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
