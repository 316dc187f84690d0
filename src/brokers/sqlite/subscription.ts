/** A no-ack listener: what it hears is gone from the file. */
import { randomUUID } from 'node:crypto';
import type { Queue, Subscription } from '../../broker.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import { ProtocolError } from '../../errors.js';
import type { Message } from '../../protocol/message.js';
import { readEnvelope } from './envelope.js';
import { HeldQueues } from './held-queues.js';
import { hasReady, takeAway } from './messages.js';

const LARGEST_TAKE = 200;
const LAST_WORDS_MS = 3_000;

export class SqliteSubscription implements Subscription {
  readonly #store: SqliteStore;
  readonly #queue: Queue;
  readonly #onMessage: (message: Message) => void;
  readonly #held: HeldQueues;
  #stopListening: (() => void) | undefined;
  #taking: Promise<void> | undefined;
  #wanted = false;
  #closed = false;

  constructor(store: SqliteStore, queue: Queue, onMessage: (message: Message) => void) {
    this.#store = store;
    this.#queue = queue;
    this.#onMessage = onMessage;
    this.#held = new HeldQueues(store, randomUUID());
  }

  /** Resolves once messages published from now on will arrive. */
  async open(): Promise<void> {
    await this.#held.hold(this.#queue);
    this.#stopListening = this.#store.listen({ changed: () => this.#wake(), replaced: () => void this.#holdAgain() });
    this.#wake();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening?.();
    await this.#taking;
    try {
      await this.#store.write((db) => this.#held.drop(db), { patienceMs: LAST_WORDS_MS });
    } catch {
      // It is removed a minute after the last refresh.
    }
  }

  async #holdAgain(): Promise<void> {
    try {
      await this.#held.hold(this.#queue);
    } catch {
      // The refresh does it.
    }
  }

  #wake(): void {
    this.#wanted = true;
    if (this.#closed) return;
    this.#taking ??= this.#take().finally(() => {
      this.#taking = undefined;
    });
  }

  async #take(): Promise<void> {
    try {
      while (this.#wanted && !this.#closed) {
        this.#wanted = false;
        if (!(await this.#store.read((db) => hasReady(db, [this.#queue.name])))) continue;
        const envelopes = await this.#store.write((db) => takeAway(db, this.#queue.name, LARGEST_TAKE), { weight: LARGEST_TAKE });
        if (envelopes.length === LARGEST_TAKE) this.#wanted = true;
        for (const envelope of envelopes) this.#tell(envelope);
      }
    } catch {
      // The slow look tries again: no-ack listeners may miss what was said while the file was away.
    }
  }

  #tell(envelope: unknown): void {
    if (this.#closed) return;
    let message: Message;
    try {
      message = readEnvelope(envelope);
    } catch (error) {
      if (error instanceof ProtocolError) return;
      throw error;
    }
    this.#onMessage(message);
  }
}
