/**
 * Takes messages for one worker, for as long as it takes.
 *
 * One link carries takes and answers; it comes back by itself, and deliveries are owned by the
 * consumer's id, not by a connection, so a broken link gives nothing away (R8). One take is under way
 * at a time, for at most half the prefetch, so that the server fetches while the worker works. When
 * the lists are empty the bell is armed and nobody asks any more. Renewing leases and taking over the
 * dead is the lease thread's.
 *
 * States: `taking ⇄ paused → closing → closed`. `paused` and `prefetch 0` both take nothing.
 */
import { randomUUID } from 'node:crypto';
import type { ConsumeOptions, Consumer, ConsumerHandler, MalformedDelivery, Queue } from '../../broker.js';
import type { Clock } from '../../clock.js';
import type { RedisConnection } from '../../connections/redis.js';
import { RedisFailure, toRedisFailure } from '../../connections/redis-failure.js';
import { RedisLink } from '../../connections/redis-link.js';
import type { RedisAddress } from '../../connections/redis-url.js';
import type { BrokerError } from '../../errors.js';
import { faultPoint } from '../../fault-points.js';
import type { Logger } from '../../logger.js';
import { inTime } from '../in-time.js';
import { type Leases, startLeases } from '../leases.js';
import { PausedQueues } from '../paused-queues.js';
import { Tally } from '../tally.js';
import { Bell } from './bell.js';
import { bindingMember } from './bindings.js';
import { pausedKey } from './desk-keys.js';
import { giveBackAll, giveBackTake } from './give-back.js';
import { bindingKey, ownersKey, type RedisLayout } from './keys.js';
import { takeRecords } from './own.js';
import { answerScript, settleScript, takeScript } from './scripts.js';
import type { Switchboard } from './switchboard.js';
import { type Taken, type TakePlan, take, takePlan } from './taking.js';
import { RedisDelivery } from './delivery.js';
import { Unacked } from './unacked.js';

export interface RedisConsumerOptions extends ConsumeOptions {
  readonly addresses: readonly RedisAddress[];
  readonly layout: RedisLayout;
  readonly switchboard: Switchboard;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly toBrokerError: (failure: RedisFailure) => BrokerError;
  readonly closed: () => void;
}

/** What is held at once is what the garbage collector copies: with twice as many a task costs a fifth more. */
const LARGEST_TAKE = 250;
/** Below this prefetch taking halves only costs round trips. */
const SMALLEST_HALVED = 16;
/** Answers that the server has not confirmed before we stop asking for more: it is slower than we are. */
const MOST_UNCONFIRMED = 5_000;

export class RedisConsumer implements Consumer {
  readonly ownerId = randomUUID();
  readonly unacked: Unacked;
  readonly #options: RedisConsumerOptions;
  readonly #handler: ConsumerHandler;
  readonly #layout: RedisLayout;
  readonly #link: RedisLink;
  readonly #bell: Bell;
  readonly #leases: Leases;
  readonly #tally: Tally;
  readonly paused: PausedQueues;
  readonly #queues = new Map<string, Queue>();
  /** Queue names; whoever delivered goes to the end, so that none starves (WIRE 6.4). */
  #turn: string[] = [];
  #plan: TakePlan | undefined;
  #prefetch: number;
  #state: 'taking' | 'paused' | 'closing' | 'closed' = 'taking';
  /** False when the lists were empty and the bell is armed. */
  #mayHaveMore = true;
  #underWay: Promise<void> | undefined;
  #takeScheduled = false;
  #takes = 0;
  #closing: Promise<void> | undefined;

  constructor(options: RedisConsumerOptions) {
    this.#options = options;
    this.#handler = options.handler;
    this.#layout = options.layout;
    this.#prefetch = options.prefetch;
    for (const queue of options.queues) this.#queues.set(queue.name, queue);
    this.#turn = this.#inOrder([...this.#queues.keys()]);
    this.paused = new PausedQueues({ logger: options.logger, isOurs: (queue) => this.#queues.has(queue) });
    this.#link = new RedisLink({
      addresses: options.addresses,
      name: `ctq ${options.name}`,
      clock: options.clock,
      connectTimeoutMs: Number.POSITIVE_INFINITY,
      observer: {
        prepare: (connection) => this.#prepare(connection),
        up: () => this.#up(),
        down: (failure, attempt, retryInMs) => this.#down(failure, attempt, retryInMs),
      },
    });
    this.unacked = new Unacked({
      layout: this.#layout,
      ownerId: this.ownerId,
      connection: () => this.#link.connection(),
      freed: () => {
        this.#tally.changed();
        this.#scheduleTake();
      },
    });
    this.#bell = new Bell(options.switchboard, {
      clock: options.clock,
      pollingIntervalMs: this.#layout.pollingIntervalMs,
      ring: () => this.#lookAgain(),
    });
    this.#leases = startLeases(
      {
        engine: 'redis',
        ownerId: this.ownerId,
        about: { node: options.name, counts: options.queues.map(({ name }) => [name, 0]) },
        store: { addresses: options.addresses, layout: this.#layout, name: `ctq leases ${options.name}` },
      },
      {
        renewed: () => this.#handler.renewed?.(),
        lost: (names) => this.#fenceLost(names),
        forgotten: () => this.#compareSoon(),
        tookOver: (ownerId, count) =>
          options.logger.warning('Restored %d unacknowledged message(s) of a worker that died (%s).', count, ownerId),
        paused: (queues) => this.#hearPaused(queues),
        problem: (message) => options.logger.warning('Cannot renew the leases of unacknowledged messages: %s', message),
      },
    );
    this.#tally = new Tally({
      clock: options.clock,
      queues: () => this.#queues.keys(),
      held: () => this.unacked.deliveries().map(({ queue }) => queue),
      tell: (counts) => this.#leases.tell({ node: options.name, counts }),
    });
    this.#link.open();
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  setPrefetch(count: number): void {
    this.#prefetch = count;
    this.#scheduleTake();
  }

  async addQueue(queue: Queue): Promise<void> {
    if (this.#queues.has(queue.name)) return;
    this.#queues.set(queue.name, queue);
    this.#turn = this.#inOrder([...this.#turn, queue.name]);
    this.#plan = undefined;
    this.#tally.tellNow();
    // Without a connection now, the next one begins with the bindings.
    const connection = this.#link.now;
    if (connection !== undefined) await this.#bind(connection, [queue]).catch(() => {});
    this.#lookAgain();
  }

  async cancelQueue(name: string): Promise<void> {
    if (!this.#queues.delete(name)) return;
    this.#turn = this.#turn.filter((queue) => queue !== name);
    this.#plan = undefined;
    this.#tally.tellNow();
    await this.#underWay;
  }

  async pause(): Promise<void> {
    if (this.#state === 'taking') this.#state = 'paused';
    this.#bell.silence();
    await this.#underWay;
  }

  reconnect(): void {
    this.#link.now?.abandon(new RedisFailure('unreachable', 'it brought nothing although messages wait'));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    this.#bell.close();
    await inTime(this.#leave(), this.#options.clock);
    this.#state = 'closed';
    this.unacked.fence(this.unacked.deliveries());
    this.unacked.close();
    await this.#link.close();
    await this.#leases.stop();
    this.#options.closed();
  }

  /** The orderly part: answers under way arrive, the rest goes back, our name comes off the list. */
  async #leave(): Promise<void> {
    await this.#underWay;
    this.unacked.fence(this.unacked.deliveries());
    await this.unacked.idle();
    for (;;) {
      try {
        const connection = await this.#link.connection();
        await giveBackAll({ connection, layout: this.#layout, ownerId: this.ownerId, lastBeat: '' });
        await this.#leases.stop();
        await connection.call('del', [...this.unacked.ledgers]);
        await connection.call('zrem', [ownersKey(this.#layout), this.ownerId]);
        return;
      } catch (error) {
        if (toRedisFailure(error).kind !== 'unreachable') return;
      }
    }
  }

  // The link.

  async #prepare(connection: RedisConnection): Promise<void> {
    // A script that the server must first be taught is late by a round trip, and what was said after it is not.
    const lessons = [takeScript, settleScript, answerScript].map(({ lua }) => connection.call('script', ['LOAD', lua]).catch(() => {}));
    await Promise.all([this.#bind(connection, this.queues), this.#askPaused(connection), ...lessons]);
    await this.#compare(connection);
  }

  /** Before the first take; later the lease thread hears it. */
  async #askPaused(connection: RedisConnection): Promise<void> {
    if (this.paused.heard) return;
    // Who may not read it has nothing paused.
    const paused = (await connection.call('hkeys', [pausedKey(this.#layout)]).catch(() => [])) as readonly string[];
    if (!this.paused.heard) this.#hearPaused(paused);
  }

  #hearPaused(queues: readonly string[]): void {
    if (!this.paused.hear(queues)) return;
    this.#plan = undefined;
    this.#lookAgain();
  }

  #up(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#handler.connected();
    this.#lookAgain();
  }

  #down(failure: RedisFailure, attempt: number, retryInMs: number): void {
    this.#bell.silence();
    this.#mayHaveMore = true;
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#handler.disconnected(this.#options.toBrokerError(failure), attempt, retryInMs);
  }

  /** A full server refuses new members; then the old ones must do, for taking is what empties it (R11). */
  async #bind(connection: RedisConnection, queues: readonly Queue[]): Promise<void> {
    const named = queues.filter((queue) => queue.exchange.name !== '');
    await Promise.all(
      named.map((queue) =>
        connection
          .call('sadd', [bindingKey(this.#layout, queue.exchange.name), bindingMember(this.#layout, queue)])
          .catch((error: unknown) => {
            if (toRedisFailure(error).kind !== 'failed') throw error;
          }),
      ),
    );
  }

  // Ownership.

  #fence(deliveries: Iterable<RedisDelivery>): void {
    const fenced = this.unacked.fence(deliveries);
    if (fenced.length > 0 && this.#state !== 'closed') this.#handler.fenced(fenced);
  }

  /** @param names - `<take> <tag>` of what was not ours at the last beat, or had been answered by then. */
  #fenceLost(names: readonly string[]): void {
    const lost = names.map((name) => this.unacked.find(Number.parseInt(name, 10), name.slice(name.indexOf(' ') + 1)));
    this.#fence(lost.filter((delivery) => delivery !== undefined));
  }

  #compareSoon(): void {
    const connection = this.#link.now;
    if (connection !== undefined) this.#compare(connection).catch(() => {});
  }

  /**
   * What the server says we own against what we hold. What only we hold is somebody else's by now;
   * a take that only the server knows had its answer lost, and goes back untouched.
   */
  async #compare(connection: RedisConnection): Promise<void> {
    const held = this.unacked.deliveries();
    const underWay = this.#underWay;
    const records = await takeRecords(connection, this.#layout, this.ownerId);
    const recorded = new Set(records.map(({ number }) => number));
    this.#fence(held.filter(({ item }) => !recorded.has(item.take.number)));
    // A take sent before our question has been answered before it, but perhaps not yet been looked at.
    await underWay;
    for (const record of records) {
      if (this.unacked.knowsTake(record.number)) continue;
      await giveBackTake({ connection, layout: this.#layout, ownerId: this.ownerId, lastBeat: '' }, record, 'as it is');
    }
  }

  // Taking.

  /** The bell, a new queue, a new connection: ask at once. */
  #lookAgain(): void {
    this.#mayHaveMore = true;
    this.#take();
  }

  /** After answers: what was finished in this tick makes room together. */
  #scheduleTake(): void {
    if (this.#takeScheduled || !this.#mayHaveMore) return;
    this.#takeScheduled = true;
    setImmediate(() => {
      this.#takeScheduled = false;
      this.#take();
    });
  }

  #take(): void {
    const connection = this.#link.now;
    if (this.#state !== 'taking' || this.#underWay !== undefined || connection === undefined || this.#queues.size === 0) return;
    if (!this.#mayHaveMore || this.unacked.unconfirmed > MOST_UNCONFIRMED) return;
    const free = this.#prefetch - this.unacked.size;
    if (free <= 0) return;
    this.#plan ??= takePlan(this.#layout, this.ownerId, this.paused.without(this.#turn));
    if (this.#plan.queues.length === 0) return;
    const half = this.#prefetch < SMALLEST_HALVED ? free : Math.ceil(this.#prefetch / 2);
    this.#underWay = this.#takeSome(connection, this.#plan, Math.min(free, half, LARGEST_TAKE));
  }

  async #takeSome(connection: RedisConnection, plan: TakePlan, count: number): Promise<void> {
    this.#takes += 1;
    let taken: Taken;
    try {
      taken = await take(connection, { layout: this.#layout, ownerId: this.ownerId, plan, count, number: this.#takes });
    } catch (error) {
      this.#underWay = undefined;
      giveUp(connection, error);
      return;
    }
    this.#underWay = undefined;
    this.#rotate(taken.served);
    const { batch, malformed } = this.#hold(taken);
    if (taken.count > 0) this.#bell.busy();
    const more = taken.count >= count;
    // The next take travels while the worker works on this one; a bell may be armed afterwards.
    if (more) this.#take();
    if (batch.length > 0) this.#handler.deliver(batch);
    if (!more) this.#wait(connection, plan);
    faultPoint('redis.take.delivered');
    for (const item of malformed) this.#handler.malformed(item);
  }

  #hold(taken: Taken): { readonly batch: readonly RedisDelivery[]; readonly malformed: readonly MalformedDelivery[] } {
    this.unacked.addTake(taken.take);
    for (const { held } of taken.items) this.#tally.took(held.queue, 1);
    const batch: RedisDelivery[] = [];
    const malformed = [...taken.malformed];
    for (const item of taken.items) {
      if (item.message !== undefined) {
        const delivery = new RedisDelivery(this.unacked, item.held, item.message);
        const fenced = this.unacked.add(delivery);
        if (fenced.length > 0) this.#handler.fenced(fenced);
        batch.push(delivery);
      } else {
        void this.unacked.bury(item.held, item.malformed.error.message);
        malformed.push(item.malformed);
      }
    }
    return { batch, malformed };
  }

  #wait(connection: RedisConnection, plan: TakePlan): void {
    this.#mayHaveMore = false;
    if (this.#state !== 'taking') return;
    this.#bell.arm(connection, plan.lists).catch((error: unknown) => giveUp(connection, error));
  }

  #inOrder(queues: string[]): string[] {
    return this.#layout.queueOrder === 'sorted' ? queues.sort() : queues;
  }

  #rotate(served: readonly string[]): void {
    if (this.#layout.queueOrder !== 'round_robin' || served.length === 0 || this.#turn.length < 2) return;
    const still = served.filter((queue) => this.#queues.has(queue));
    this.#turn = [...this.#turn.filter((queue) => !still.includes(queue)), ...still];
    this.#plan = undefined;
  }
}

/** Loading, read-only, no permission: states of the server, to be waited for with back-off (R10). */
function giveUp(connection: RedisConnection, error: unknown): void {
  const failure = toRedisFailure(error);
  if (!failure.unanswered) connection.abandon(failure);
}
