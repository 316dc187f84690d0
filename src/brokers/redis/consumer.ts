/**
 * A consumption of Redis' lists.
 *
 * One link carries takes and answers; it comes back by itself, and deliveries are owned by the
 * consumer's id, not by a connection, so a broken link gives nothing away (R8). Renewing leases and
 * taking over the dead is the lease thread's.
 *
 * States: `open → closing → closed`. Taking, and not taking, is the intake's.
 */
import { randomUUID } from 'node:crypto';
import type { ConsumeOptions, Consumer, ConsumerHandler, Queue } from '../../broker.js';
import type { Clock } from '../../clock.js';
import type { RedisConnection } from '../../connections/redis.js';
import { RedisFailure, toRedisFailure } from '../../connections/redis/failure.js';
import { RedisLink } from '../../connections/redis/link.js';
import type { RedisAddress } from '../../connections/redis/url.js';
import type { BrokerError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { inTime } from '../in-time.js';
import { type Leases, startLeases } from '../leases.js';
import { PausedQueues } from '../paused-queues.js';
import { Rotation } from '../rotation.js';
import { Tally } from '../tally.js';
import { bindingMember } from './bindings.js';
import { pausedKey } from './desk-keys.js';
import { giveBackAll, giveBackTake } from './give-back.js';
import { Intake } from './intake.js';
import { bindingKey, ownersKey, type RedisLayout } from './keys.js';
import { takeRecords } from './own.js';
import { answerScript, settleScript, takeScript } from './scripts.js';
import type { Switchboard } from './switchboard.js';
import type { RedisDelivery } from './delivery.js';
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

export class RedisConsumer implements Consumer {
  readonly ownerId = randomUUID();
  readonly unacked: Unacked;
  readonly #options: RedisConsumerOptions;
  readonly #handler: ConsumerHandler;
  readonly #layout: RedisLayout;
  readonly #link: RedisLink;
  readonly #leases: Leases;
  readonly #tally: Tally;
  readonly paused: PausedQueues;
  readonly #rotation: Rotation;
  readonly #intake: Intake;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closing: Promise<void> | undefined;

  constructor(options: RedisConsumerOptions) {
    this.#options = options;
    this.#handler = options.handler;
    this.#layout = options.layout;
    this.#rotation = new Rotation(options.queues, options.layout.queueOrder);
    this.paused = new PausedQueues({ logger: options.logger, isOurs: (queue) => this.#rotation.has(queue) });
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
        this.#intake.schedule();
      },
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
      queues: () => this.#rotation.turn,
      held: () => this.unacked.deliveries().map(({ queue }) => queue),
      tell: (counts) => this.#leases.tell({ node: options.name, counts }),
    });
    this.#intake = new Intake({
      layout: this.#layout,
      ownerId: this.ownerId,
      handler: options.handler,
      clock: options.clock,
      switchboard: options.switchboard,
      prefetch: options.prefetch,
      unacked: this.unacked,
      tally: this.#tally,
      rotation: this.#rotation,
      paused: this.paused,
      connection: () => this.#link.now,
    });
    this.#link.open();
  }

  get queues(): readonly Queue[] {
    return this.#rotation.queues;
  }

  setPrefetch(count: number): void {
    this.#intake.setPrefetch(count);
  }

  async addQueue(queue: Queue): Promise<void> {
    if (!this.#rotation.add(queue)) return;
    this.#intake.changed();
    this.#tally.tellNow();
    // Without a connection now, the next one begins with the bindings.
    const connection = this.#link.now;
    if (connection !== undefined) await this.#bind(connection, [queue]).catch(() => {});
    this.#intake.lookAgain();
  }

  async cancelQueue(name: string): Promise<void> {
    if (!this.#rotation.remove(name)) return;
    this.#intake.changed();
    this.#tally.tellNow();
    await this.#intake.underWay;
  }

  async pause(): Promise<void> {
    this.#intake.stop();
    await this.#intake.underWay;
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
    this.#intake.close();
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
    await this.#intake.underWay;
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
    this.#intake.changed();
    this.#intake.lookAgain();
  }

  #up(): void {
    if (this.#state !== 'open') return;
    this.#handler.connected();
    this.#intake.lookAgain();
  }

  #down(failure: RedisFailure, attempt: number, retryInMs: number): void {
    this.#intake.disconnected();
    if (this.#state !== 'open') return;
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
    const { underWay } = this.#intake;
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
}
