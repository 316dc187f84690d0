/**
 * A link to an AMQP server that outlives its connections. One link is one connection at a time, made on
 * first need and made again with back-off for as long as the link is open:
 * `idle → connecting → up ⇄ waiting → closed`.
 */
import type { Clock, TimerHandle } from '../clock.js';
import { type AmqpConnection, Connection } from './amqp.js';
import { AmqpFailure, amqpClosed, toAmqpFailure } from './amqp-failure.js';
import type { AmqpAddress } from './amqp-url.js';

export interface AmqpLinkOptions {
  /** Tried in turn. */
  readonly addresses: readonly AmqpAddress[];
  /** For people who look at the server's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  /** How long {@link AmqpLink.connection} waits; `Infinity` for ever. */
  readonly connectTimeoutMs: number;
  readonly observer?: AmqpLinkObserver;
}

export interface AmqpLinkObserver {
  /** Runs on each new connection before anybody else may use it; a rejection gives the connection up. */
  prepare?(connection: AmqpConnection): Promise<void>;
  up?(connection: AmqpConnection): void;
  /** The connection broke, or an attempt to make one failed. */
  down?(failure: AmqpFailure, attempt: number, retryInMs: number): void;
  /** The server takes no messages for now, and says why; undefined: it does again. */
  blocked?(reason: string | undefined): void;
}

/** An attempt includes the handshake: a frozen server accepts connections. RabbitMQ lets a wrong password wait for a second. */
const ATTEMPT_LIMIT_MS = 4_000;
const FIRST_RETRY_MS = 100;
/** Not more than about one attempt a second however long it takes (M7), and work again within 2 s of the server (M6). */
const LATER_RETRY_MS = 1_000;
/** A connection that lived this long was a good one: the next trouble starts from a short back-off again. */
const GOOD_CONNECTION_MS = 3_000;

export class AmqpLink {
  readonly displayUrl: string;
  readonly #options: AmqpLinkOptions;
  readonly #clock: Clock;
  #current: Connection | undefined;
  #making: Promise<void> | undefined;
  #retryTimer: TimerHandle | undefined;
  #attempt = 0;
  #addressIndex = 0;
  #everUp = false;
  #closed = false;
  #lastFailure: AmqpFailure | undefined;
  readonly #waiters = new Set<Waiter>();

  constructor(options: AmqpLinkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.displayUrl = options.addresses.map((address) => address.displayUrl).join(';');
  }

  /** The connection, when it is up at this moment. */
  get now(): AmqpConnection | undefined {
    return this.#current;
  }

  /** Connects in the background and stays connected until {@link close}. */
  open(): void {
    if (this.#closed || this.#current !== undefined || this.#making !== undefined || this.#retryTimer !== undefined) return;
    this.#making = this.#make().finally(() => {
      this.#making = undefined;
    });
  }

  /**
   * The connection as soon as it is up. Rejects with {@link AmqpFailure} after the link's time for it,
   * at once when the server refuses us, or when there never was anybody at any of the addresses.
   */
  connection(timeoutMs = this.#options.connectTimeoutMs): Promise<AmqpConnection> {
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    if (this.#closed) return Promise.reject(amqpClosed());
    this.open();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, patient: timeoutMs === Number.POSITIVE_INFINITY, timer: undefined };
      if (!waiter.patient) {
        waiter.timer = this.#clock.setTimeout(() => {
          this.#waiters.delete(waiter);
          reject(this.#lastFailure ?? new AmqpFailure('unreachable', `no answer within ${Math.round(timeoutMs / 100) / 10} s`));
        }, timeoutMs);
      }
      this.#waiters.add(waiter);
    });
  }

  /** Does something when the connection is up; repeated after a lost connection, so only for what may be. */
  async ask<T>(attempt: (connection: AmqpConnection) => Promise<T>): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + this.#options.connectTimeoutMs;
    for (;;) {
      const connection = await this.connection(Math.max(0, deadlineMs - this.#clock.monotonicMs()));
      try {
        return await attempt(connection);
      } catch (error) {
        const failure = toAmqpFailure(error);
        if (failure.kind !== 'unreachable' || this.#clock.monotonicMs() >= deadlineMs) throw failure;
        // The driver knows before the socket says so; nobody may be given this connection again.
        connection.abandon(failure);
      }
    }
  }

  /** Ends the connection; whatever is under way and cannot be answered any more rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    const current = this.#current;
    this.#current = undefined;
    this.#rejectWaiters(amqpClosed(), () => true);
    await current?.close(amqpClosed());
  }

  async #make(): Promise<void> {
    const { addresses, observer } = this.#options;
    const address = addresses[this.#addressIndex % addresses.length];
    if (address === undefined) throw new Error('an AMQP link needs an address');
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(address, {
        name: this.#options.name,
        clock: this.#clock,
        attemptLimitMs: Math.min(ATTEMPT_LIMIT_MS, Math.max(this.#options.connectTimeoutMs, 1)),
        ...(observer?.blocked === undefined ? {} : { onBlocked: (reason) => observer.blocked?.(reason) }),
      });
      if (observer?.prepare !== undefined) await observer.prepare(connection);
      if (connection.failure !== undefined) throw connection.failure;
    } catch (error) {
      const failure = connection?.failure ?? toAmqpFailure(error);
      connection?.end(failure);
      this.#lost(failure);
      return;
    }
    if (this.#closed) {
      await connection.close(amqpClosed());
      return;
    }
    this.#everUp = true;
    this.#current = connection;
    const madeAtMs = this.#clock.monotonicMs();
    const made = connection;
    connection.onEnd((failure) => {
      if (this.#current !== made) return;
      this.#current = undefined;
      if (this.#clock.monotonicMs() - madeAtMs >= GOOD_CONNECTION_MS) this.#attempt = 0;
      this.#lost(failure);
    });
    if (this.#current !== made) return;
    observer?.up?.(connection);
    for (const waiter of [...this.#waiters]) this.#settleWaiter(waiter, (one) => one.resolve(made));
  }

  #lost(failure: AmqpFailure): void {
    if (this.#closed) return;
    this.#lastFailure = failure;
    this.#attempt += 1;
    this.#addressIndex += 1;
    const base = this.#attempt === 1 ? FIRST_RETRY_MS : LATER_RETRY_MS;
    const retryInMs = Math.round(base * (1 + Math.random() * 0.3));
    // Somebody who can only wait so long is told at once when waiting is of no use.
    const hopeless = failure.kind === 'refused' || (!this.#everUp && this.#attempt >= this.#options.addresses.length);
    if (hopeless) this.#rejectWaiters(failure, (waiter) => !waiter.patient);
    this.#retryTimer = this.#clock.setTimeout(() => {
      this.#retryTimer = undefined;
      this.open();
    }, retryInMs);
    // Nobody waits for a link that only answers calls: the next call starts it again.
    if (this.#waiters.size === 0 && this.#options.observer === undefined) this.#retryTimer.unref();
    this.#options.observer?.down?.(failure, this.#attempt, retryInMs);
  }

  #rejectWaiters(failure: AmqpFailure, which: (waiter: Waiter) => boolean): void {
    for (const waiter of [...this.#waiters]) if (which(waiter)) this.#settleWaiter(waiter, (one) => one.reject(failure));
  }

  #settleWaiter(waiter: Waiter, settle: (waiter: Waiter) => void): void {
    waiter.timer?.cancel();
    this.#waiters.delete(waiter);
    settle(waiter);
  }
}

interface Waiter {
  readonly resolve: (connection: AmqpConnection) => void;
  readonly reject: (failure: AmqpFailure) => void;
  readonly patient: boolean;
  timer: TimerHandle | undefined;
}
