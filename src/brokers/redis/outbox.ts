/**
 * Joins what is said in one tick into one call, and says each thing once.
 *
 * Items wait until the next turn of the event loop, or while a call is under way until it is
 * answered: the busier it is, the more travel together. One call at a time also keeps them in order,
 * which the numbers of the ledger rely on. A call that got no answer is looked up in the ledger over
 * the next connection: either it was executed, or it never will be and its items go out again
 * (RELIABILITY W11, R8).
 */
import { randomUUID } from 'node:crypto';
import type { RedisConnection } from '../../connections/redis.js';
import { CLOSED_BY_US } from '../../connections/failure.js';
import { RedisFailure, toRedisFailure } from '../../connections/redis/failure.js';
import { ledgerScript } from './scripts.js';

export interface OutboxOptions<Item> {
  /** The key of the ledger for this outbox's id. */
  readonly ledgerKey: (id: string) => string;
  readonly maxItems: number;
  /** For who says much in one tick. */
  readonly eager?: EagerSending;
  /** The connection to use; a rejection is given to whatever waits. */
  connection(): Promise<RedisConnection>;
  /** One call with these items under this number. */
  send(connection: RedisConnection, call: OutboxCall<Item>): Promise<unknown>;
  /** Tells the items what became of them; `reply` is undefined when only the ledger knows that the call was executed. */
  done(items: readonly Item[], reply: unknown): void;
  failed(items: readonly Item[], failure: RedisFailure): void;
  /** What makes an item the same when somebody gives it to us again after a failure. */
  readonly identity: (item: Item) => object;
  /** Whether items of a refused call are tried again with the next connection instead of failing. */
  readonly keepAfter: (failure: RedisFailure) => boolean;
}

/** So many items do not wait for the end of the tick: the server works while the rest is put together. */
export interface EagerSending {
  readonly items: number;
  /** The connection that stands at this moment; without one they wait as ever. */
  connection(): RedisConnection | undefined;
}

export interface OutboxCall<Item> {
  readonly items: readonly Item[];
  readonly number: number;
  readonly ledger: string;
}

export class Outbox<Item> {
  readonly #options: OutboxOptions<Item>;
  readonly #ledger: string;
  #waiting: Item[] = [];
  #underWay: readonly Item[] = [];
  /** The call that did not wait for {@link #run}. */
  #eager: Promise<void> | undefined;
  /** Sent, and the connection broke before an answer came. */
  #unanswered: OutboxCall<Item> | undefined;
  #number = 0;
  #running = false;
  #closed = false;
  readonly #idleListeners: (() => void)[] = [];

  constructor(options: OutboxOptions<Item>) {
    this.#options = options;
    this.#ledger = options.ledgerKey(randomUUID());
  }

  /** The key where the server keeps the number of our last call. */
  get ledger(): string {
    return this.#ledger;
  }

  /** Whether a call waits for its answer, or for a connection. */
  get isBusy(): boolean {
    return this.#underWay.length > 0 || this.#unanswered !== undefined;
  }

  /** Whether it is not known if the server has this item, or the one that it was before its owner came back with it. */
  mayHaveSent(item: Item): boolean {
    const { identity } = this.#options;
    return this.#unanswered?.items.some((sent) => identity(sent) === identity(item)) ?? false;
  }

  /** How many items have no answer yet. */
  get size(): number {
    return this.#waiting.length + this.#underWay.length;
  }

  add(item: Item): void {
    if (this.#closed) {
      this.#options.failed([item], new RedisFailure('closed', CLOSED_BY_US));
      return;
    }
    this.#waiting.push(item);
    this.#start();
    if (this.#waiting.length === this.#options.eager?.items) this.#sendEagerly();
  }

  /** What has not been sent, to be sent by another; nothing while it is not known what the server has of it. */
  takeWaiting(): readonly Item[] {
    if (this.#unanswered !== undefined) return [];
    const items = this.#waiting;
    this.#waiting = [];
    return items;
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  /** What still waits fails, and what comes later too. */
  close(): void {
    this.#closed = true;
    this.#failWaiting(new RedisFailure('closed', CLOSED_BY_US));
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  #sendEagerly(): void {
    if (this.isBusy) return;
    const connection = this.#options.eager?.connection();
    if (connection === undefined) return;
    this.#eager = this.#sendSome(connection).then(() => {
      this.#eager = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#eager !== undefined) {
      if (this.#eager !== undefined) {
        await this.#eager;
        continue;
      }
      let connection: RedisConnection;
      try {
        connection = await this.#options.connection();
        if (this.#unanswered !== undefined) await this.#lookUp(connection);
      } catch (error) {
        const failure = toRedisFailure(error);
        // A connection that broke at once is only one more reason to wait for the next.
        if (failure.unanswered && !this.#closed) {
          await nextTurn();
          continue;
        }
        this.#failWaiting(failure);
        break;
      }
      if (this.#eager === undefined) await this.#sendSome(connection);
    }
    this.#running = false;
    if (this.size === 0) for (const listener of this.#idleListeners.splice(0)) listener();
  }

  async #sendSome(connection: RedisConnection): Promise<void> {
    const { maxItems } = this.#options;
    const items = this.#waiting.length <= maxItems ? this.#waiting : this.#waiting.slice(0, maxItems);
    if (items.length === 0) return;
    this.#waiting = items === this.#waiting ? [] : this.#waiting.slice(maxItems);
    this.#underWay = items;
    this.#number += 1;
    const call = { items, number: this.#number, ledger: this.#ledger };
    try {
      const reply = await this.#options.send(connection, call);
      this.#underWay = [];
      this.#options.done(items, reply);
      // An array that has grown old would keep what is in it until the next great collection.
      items.length = 0;
    } catch (error) {
      const failure = toRedisFailure(error);
      this.#underWay = [];
      if (failure.unanswered && !this.#closed) {
        this.#unanswered = call;
        this.#waiting = [...items, ...this.#waiting];
      } else if (this.#options.keepAfter(failure) && !this.#closed) {
        this.#waiting = [...items, ...this.#waiting];
        connection.abandon(failure);
      } else {
        this.#options.failed(items, failure);
      }
    }
  }

  /** Asks the ledger about the call without an answer, and rules out that it is executed later. */
  async #lookUp(connection: RedisConnection): Promise<void> {
    const call = this.#unanswered;
    if (call === undefined) return;
    const executed = Number(await connection.run(ledgerScript, [this.#ledger], [String(this.#number)]));
    this.#unanswered = undefined;
    if (executed < call.number) return;
    // Either the items themselves wait again, or their owner was told of the failure and has come back with them.
    const { identity } = this.#options;
    const there = new Set(call.items.map(identity));
    const arrived = this.#waiting.filter((item) => there.has(identity(item)));
    this.#waiting = this.#waiting.filter((item) => !there.has(identity(item)));
    this.#options.done(arrived, undefined);
  }

  #failWaiting(failure: RedisFailure): void {
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length > 0) this.#options.failed(items, failure);
  }
}

/** Whatever goes wrong again and again must not keep the event loop from hearing of it. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
