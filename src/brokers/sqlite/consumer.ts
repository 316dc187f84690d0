/**
 * A consumption of the SQLite broker. It looks when the bell rings and when something was settled,
 * takes as much as the prefetch leaves free in the transaction that carries the answers of the same
 * tick, and stays away with growing pauses while the file cannot be used.
 */
import { randomUUID } from 'node:crypto';
import { type BackOff, backOffMs } from '../../back-off.js';
import type { ConsumeOptions, Consumer, ConsumerHandler, Queue } from '../../broker.js';
import { systemClock } from '../../clock.js';
import { toBrokerError } from '../../connections/sqlite/failure.js';
import type { SqliteStore } from '../../connections/sqlite/store.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import { BrokerError, ProtocolError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { PausedQueues } from '../paused-queues.js';
import { redelivered } from '../redelivered.js';
import { Rotation } from '../rotation.js';
import { Tally } from '../tally.js';
import { SqliteDelivery } from './delivery.js';
import { rawBytes, readEnvelope } from './envelope.js';
import { pausedQueues } from './desk-tables.js';
import { Held } from './held.js';
import { HeldQueues } from './held-queues.js';
import type { Lease, StartLease } from './lease.js';
import { type Claim, type ClaimedRow, claim, hasReady, nextDueAt, releaseDue } from './messages.js';
import { dismissOwner, ensureOwner, findOwner } from './owners.js';
import { declareQueue } from './queues.js';

/** What one transaction takes at most: about 2 ms of claims, so that neither tasks nor other processes wait long. */
const LARGEST_TAKE = 200;
const LARGEST_RELEASE = 500;
const RETRY: BackOff = { firstMs: 100, longestMs: 2_000 };
/** How long close() tries to write the last answers and give back the rest; the dead-owner rule does it otherwise. */
const LAST_WORDS_MS = 3_000;
/** A due date may be far away, and the clock may be set meanwhile. */
const LONGEST_DOZE_MS = 60_000;

export interface SqliteConsumerParts {
  readonly store: SqliteStore;
  readonly startLease: StartLease;
  readonly deadLetterLimit: number;
  readonly logger: Logger;
}

interface Take {
  readonly owner: number;
  readonly rows: readonly ClaimedRow[];
  /** More may be waiting. */
  readonly full: boolean;
}

export class SqliteConsumer implements Consumer {
  readonly #store: SqliteStore;
  readonly #handler: ConsumerHandler;
  readonly #name: string;
  readonly ownerId = randomUUID();
  readonly #held: Held;
  readonly #heldQueues: HeldQueues;
  readonly #lease: Lease;
  readonly #stopListening: () => void;
  readonly #rotation: Rotation;
  readonly paused: PausedQueues;
  readonly #tally: Tally;
  #prefetch: number;
  #state: 'taking' | 'paused' | 'closed' = 'taking';
  #owner: number | undefined;
  #connected = false;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #dueTimer: NodeJS.Timeout | undefined;
  /** The last take brought all that was asked for: take again without looking first. */
  #mayBeMore = true;
  #wanted = false;
  #pumping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: SqliteConsumerParts, options: ConsumeOptions) {
    this.#store = parts.store;
    this.#handler = options.handler;
    this.#name = options.name;
    this.#prefetch = options.prefetch;
    this.#rotation = new Rotation(options.queues);
    this.#held = new Held({
      store: parts.store,
      deadLetterLimit: parts.deadLetterLimit,
      freed: () => {
        this.#tally.changed();
        this.#wake();
      },
    });
    this.#heldQueues = new HeldQueues(parts.store, this.ownerId);
    this.paused = new PausedQueues({ logger: parts.logger, isOurs: (queue) => this.#rotation.has(queue) });
    this.#stopListening = parts.store.listen({ changed: () => this.#wake(), replaced: () => this.#beginAnew() });
    const about = { node: options.name, counts: options.queues.map(({ name }) => [name, 0] as const) };
    this.#lease = parts.startLease(this.ownerId, about, {
      forgotten: () => void this.#reconcile(),
      renewed: () => this.#handler.renewed?.(),
      paused: (queues) => this.#hearPaused(queues),
    });
    this.#tally = new Tally({
      clock: systemClock,
      queues: () => this.#rotation.turn,
      held: () => this.#held.queues,
      tell: (counts) => this.#lease.tell({ node: this.#name, counts }),
    });
    this.#wake();
  }

  get queues(): readonly Queue[] {
    return this.#rotation.queues;
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.#wake();
  }

  async addQueue(queue: Queue): Promise<void> {
    if (this.#state === 'closed' || this.#rotation.has(queue.name)) return;
    await this.#declare([queue]).catch((error: unknown) => {
      throw toBrokerError(error, this.#store.path);
    });
    this.#rotation.add(queue);
    this.#tally.tellNow();
    this.#wake();
  }

  async cancelQueue(name: string): Promise<void> {
    this.#rotation.remove(name);
    this.#tally.tellNow();
    await this.#pumping;
  }

  async pause(): Promise<void> {
    if (this.#state === 'taking') this.#state = 'paused';
    await this.#pumping;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#dueTimer);
    this.#stopListening();
    await this.#pumping;
    await this.#held.drain(LAST_WORDS_MS);
    this.#held.fenceAll();
    try {
      await this.#store.write((db) => this.#leave(db), { announce: true, patienceMs: LAST_WORDS_MS });
    } catch {
      // Whoever finds our beat gone gives back what we held.
    }
    await this.#lease.stop();
  }

  #leave(db: SqliteConnection): void {
    const owner = findOwner(db, this.ownerId);
    if (owner !== undefined) dismissOwner(db, owner, 'return');
    this.#heldQueues.drop(db);
  }

  async #declare(queues: readonly Queue[]): Promise<void> {
    await this.#store.write((db) => {
      for (const queue of queues) if (queue.autoDelete !== true) declareQueue(db, queue);
    });
    for (const queue of queues) if (queue.autoDelete === true) await this.#heldQueues.hold(queue);
  }

  /** The lease thread did not find our row: we were taken for dead. The next take would notice it, but there may be none. */
  async #reconcile(): Promise<void> {
    if (!this.#connected || this.#state === 'closed') return;
    try {
      const owner = await this.#store.write((db) => this.#register(db));
      if (owner !== this.#owner) this.#comeBackToLife(owner);
    } catch {
      // The thread says it again in a second.
    }
  }

  #register(db: SqliteConnection): number {
    return ensureOwner(db, { uuid: this.ownerId, name: this.#name }, Date.now());
  }

  /** Runs the pump, once however often it is asked for. */
  #wake(): void {
    this.#wanted = true;
    if (this.#pumping !== undefined || this.#state !== 'taking' || this.#retryTimer !== undefined) return;
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined;
      if (this.#wanted && this.#canTake()) this.#wake();
    });
  }

  #canTake(): boolean {
    return this.#state === 'taking' && this.#retryTimer === undefined && this.#held.size < this.#prefetch && this.#open.length > 0;
  }

  /** The queues to take from, in their turn. */
  get #open(): readonly string[] {
    return this.paused.without(this.#rotation.turn);
  }

  #hearPaused(queues: readonly string[]): void {
    if (this.paused.hear(queues)) this.#wake();
  }

  async #pump(): Promise<void> {
    // Answers of this tick come first, so that the take joins their transaction.
    await undefined;
    try {
      if (!this.#connected) await this.#connect();
      while (this.#wanted && this.#canTake()) {
        this.#wanted = false;
        if (this.#mayBeMore || (await this.#somethingWaits())) await this.#take();
      }
    } catch (error) {
      this.#stayAway(error);
    }
  }

  async #connect(): Promise<void> {
    await this.#declare(this.queues);
    const paused = await this.#store.read(pausedQueues);
    if (!this.paused.heard) this.paused.hear(paused);
    const owner = await this.#store.write((db) => this.#register(db));
    if (this.#owner !== undefined && this.#owner !== owner) this.#comeBackToLife(owner);
    this.#owner = owner;
    this.#connected = true;
    this.#failures = 0;
    if (this.#state !== 'closed') this.#handler.connected();
  }

  /** The file cannot be used: tell, and come back later. */
  #stayAway(error: unknown): void {
    if (this.#state === 'closed') return;
    this.#connected = false;
    this.#failures += 1;
    this.#mayBeMore = true;
    const retryInMs = backOffMs(RETRY, this.#failures);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#wake();
    }, retryInMs);
    this.#handler.disconnected(toBrokerError(error, this.#store.path), this.#failures, retryInMs);
  }

  /** A look without a lock: most rings are about something else. */
  async #somethingWaits(): Promise<boolean> {
    const [ready, dueAt] = await this.#store.read((db) => [hasReady(db, this.#open), nextDueAt(db)] as const);
    if (ready) return true;
    if (dueAt === undefined) return false;
    const dueInMs = dueAt - Date.now();
    if (dueInMs <= 0) return true;
    clearTimeout(this.#dueTimer);
    this.#dueTimer = setTimeout(() => this.#wake(), Math.min(dueInMs, LONGEST_DOZE_MS));
    return false;
  }

  async #take(): Promise<void> {
    const { owner, rows, full } = await this.#store.write((db) => this.#claim(db), { weight: LARGEST_TAKE });
    this.#mayBeMore = full;
    if (full) this.#wanted = true;
    if (owner !== this.#owner) this.#comeBackToLife(owner);
    if (rows.length === 0) return;
    const taken: SqliteDelivery[] = [];
    const malformed: { readonly row: ClaimedRow; readonly error: ProtocolError }[] = [];
    for (const row of rows) {
      try {
        taken.push(this.#toDelivery(row, owner));
      } catch (error) {
        malformed.push({ row, error: asProtocolError(error) });
      }
    }
    this.#rotation.served([...new Set(rows.map(({ queue }) => queue))]);
    for (const delivery of taken) {
      this.#held.add(delivery);
      this.#tally.took(delivery.queue, 1);
    }
    if (taken.length > 0) this.#handler.deliver(taken);
    if (malformed.length > 0) await this.#putAside(malformed, owner);
  }

  #claim(db: SqliteConnection): Take {
    const nowMs = Date.now();
    const owner = this.#register(db);
    const free = this.#state === 'taking' ? Math.min(this.#prefetch - this.#held.size, LARGEST_TAKE) : 0;
    if (free <= 0) return { owner, rows: [], full: false };
    const dueAt = nextDueAt(db);
    if (dueAt !== undefined && dueAt <= nowMs) releaseDue(db, nowMs, LARGEST_RELEASE);
    const rows = claim(db, owner, this.#open, free);
    return { owner, rows, full: rows.length === free };
  }

  #toDelivery(row: ClaimedRow, owner: number): SqliteDelivery {
    const message = readEnvelope(row.envelope);
    return new SqliteDelivery(row.redeliveries > 0 ? redelivered(message) : message, toClaim(row, owner), row.redeliveries, this.#held);
  }

  async #putAside(malformed: readonly { readonly row: ClaimedRow; readonly error: ProtocolError }[], owner: number): Promise<void> {
    await Promise.all(malformed.map(({ row, error }) => this.#held.bury(toClaim(row, owner), error.message)));
    for (const { row, error } of malformed) this.#handler.malformed({ queue: row.queue, raw: rawBytes(row.envelope), error });
    this.#mayBeMore = true;
    this.#wanted = true;
  }

  /** We were taken for dead, and what we held was given back: our number is another one now. */
  #comeBackToLife(owner: number): void {
    this.#owner = owner;
    this.#fenceAll();
  }

  /** The file is another one: nothing that we hold is in it, and none of our queues. */
  #beginAnew(): void {
    this.#connected = false;
    if (this.#state !== 'closed') {
      const hint = 'keep it while it is used; a new one is made';
      this.#handler.disconnected(new BrokerError('CTQ_BROKER_FAILED', `${this.#store.path} was deleted or replaced`, { hint }), 1, 0);
    }
    this.#fenceAll();
  }

  #fenceAll(): void {
    const lost = this.#held.fenceAll();
    if (lost.length > 0 && this.#state !== 'closed') this.#handler.fenced(lost);
    this.#mayBeMore = true;
    this.#wake();
  }
}

/** Whatever a text does to the one who reads it, the row must not stay taken and undelivered. */
function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError('CTQ_PROTOCOL_MALFORMED', 'the message cannot be read', { cause: error });
}

function toClaim({ id, take, queue, step }: ClaimedRow, owner: number): Claim {
  return { id, take, owner, queue, step };
}
