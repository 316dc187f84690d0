/**
 * A link to a server that outlives its connections. One link is one connection at a time, made on first
 * need and made again with back-off for as long as the link is open:
 * `idle → connecting → up ⇄ waiting → closed`.
 *
 * What is said over a connection is no business of the link; a driver says how one is made.
 */
import { type BackOff, backOffMs } from '../back-off.js';
import type { Clock, TimerHandle } from '../clock.js';
import { CtqError } from '../errors.js';
import { type RunningLimit, timeLimit } from '../time-limit.js';
import { CLOSED_BY_US, ConnectionFailure, noAnswerWithin } from './failure.js';

export interface LinkOptions<Address, Observer> {
  /** Tried in turn. */
  readonly addresses: readonly Address[];
  /** For people who look at the server's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  /** How long {@link Link.connection} waits; `Infinity` for ever. */
  readonly connectTimeoutMs: number;
  readonly observer?: Observer;
}

export interface LinkObserver<Connection, Failure> {
  /** Runs on each new connection before anybody else may use it; a rejection gives the connection up. */
  prepare?(connection: Connection): Promise<void>;
  up?(connection: Connection): void;
  /** The connection broke, or an attempt to make one failed. */
  down?(failure: Failure, attempt: number, retryInMs: number): void;
}

/** What a link asks of a connection, whatever else that can do. */
export interface Linked<Failure> {
  /** Why it is of no more use, once it is not. */
  readonly failure: Failure | undefined;
  /** Heard once; at once for one that has ended already. */
  onEnd(listener: (failure: Failure) => void): void;
  end(failure: Failure): void;
  /** {@link end} with a good-bye, where the server is owed one. */
  close(reason: Failure): Promise<void>;
}

export interface LinkDriver<Address, Connection, Failure> {
  /** Connects, logs in and sees that the server answers. */
  connect(address: Address, attemptLimitMs: number): Promise<Connection & Linked<Failure>>;
  readonly failure: (kind: 'unreachable' | 'closed', reason: string) => Failure;
  /** Sorts what the driver and the server say. */
  readonly toFailure: (error: unknown) => Failure;
}

/** An attempt includes the handshake: a frozen server accepts connections. RabbitMQ lets a wrong password wait for a second. */
const ATTEMPT_LIMIT_MS = 4_000;
/** Not more than about one attempt a second however long it takes (M7), and work again within 2 s of the server (M6). */
const RETRY: BackOff = { firstMs: 100, longestMs: 1_000, factor: 10 };
/** A connection that lived this long was a good one: the next trouble starts from a short back-off again. */
const GOOD_CONNECTION_MS = 3_000;

export class Link<Address extends { readonly displayUrl: string }, Connection, Failure extends ConnectionFailure> {
  readonly displayUrl: string;
  readonly #options: LinkOptions<Address, LinkObserver<Connection, Failure>>;
  readonly #driver: LinkDriver<Address, Connection, Failure>;
  readonly #clock: Clock;
  #current: (Connection & Linked<Failure>) | undefined;
  #making: Promise<void> | undefined;
  #retryTimer: TimerHandle | undefined;
  #attempt = 0;
  #addressIndex = 0;
  #everUp = false;
  #closed = false;
  #lastFailure: Failure | undefined;
  readonly #waiters = new Set<Waiter<Connection, Failure>>();

  constructor(options: LinkOptions<Address, LinkObserver<Connection, Failure>>, driver: LinkDriver<Address, Connection, Failure>) {
    this.#options = options;
    this.#driver = driver;
    this.#clock = options.clock;
    this.displayUrl = options.addresses.map((address) => address.displayUrl).join(';');
  }

  /** The connection, when it is up at this moment. */
  get now(): Connection | undefined {
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
   * The connection as soon as it is up. Rejects with the failure after the link's time for it, at once
   * when the server refuses us, or when there never was anybody at any of the addresses.
   */
  connection(timeoutMs = this.#options.connectTimeoutMs): Promise<Connection> {
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    if (this.#closed) return Promise.reject(this.#closedByUs());
    this.open();
    return new Promise((resolve, reject) => {
      const waiter: Waiter<Connection, Failure> = { resolve, reject, patient: timeoutMs === Number.POSITIVE_INFINITY, timer: undefined };
      if (!waiter.patient) {
        waiter.timer = timeLimit(this.#clock, timeoutMs, () => {
          this.#waiters.delete(waiter);
          reject(this.#lastFailure ?? this.#driver.failure('unreachable', noAnswerWithin(timeoutMs)));
        });
      }
      this.#waiters.add(waiter);
    });
  }

  /** Does something when the connection is up; repeated after a lost connection, so only for what may be. */
  async ask<T>(attempt: (connection: Connection) => Promise<T>): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + this.#options.connectTimeoutMs;
    for (;;) {
      const connection = await this.connection(Math.max(0, deadlineMs - this.#clock.monotonicMs()));
      try {
        return await attempt(connection);
      } catch (error) {
        // Our own mistakes are nothing that the server could mend.
        if (error instanceof TypeError || (error instanceof CtqError && !(error.cause instanceof ConnectionFailure))) throw error;
        const failure = this.#driver.toFailure(error);
        if (failure.kind !== 'unreachable' || this.#clock.monotonicMs() >= deadlineMs) throw failure;
        // The driver knows before the socket says so; nobody may be given this connection again.
        if (this.#current === connection) this.#current?.end(failure);
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
    this.#rejectWaiters(this.#closedByUs(), () => true);
    await current?.close(this.#closedByUs());
  }

  async #make(): Promise<void> {
    const { addresses, observer, connectTimeoutMs } = this.#options;
    const address = addresses[this.#addressIndex % addresses.length];
    if (address === undefined) throw new Error('a link needs an address');
    let connection: (Connection & Linked<Failure>) | undefined;
    try {
      connection = await this.#driver.connect(address, Math.min(ATTEMPT_LIMIT_MS, Math.max(connectTimeoutMs, 1)));
      if (observer?.prepare !== undefined) await observer.prepare(connection);
      if (connection.failure !== undefined) throw connection.failure;
    } catch (error) {
      const failure = connection?.failure ?? this.#driver.toFailure(error);
      connection?.end(failure);
      this.#lost(failure);
      return;
    }
    if (this.#closed) return connection.close(this.#closedByUs());
    this.#everUp = true;
    this.#current = connection;
    const made = connection;
    const madeAtMs = this.#clock.monotonicMs();
    made.onEnd((failure) => {
      if (this.#current !== made) return;
      this.#current = undefined;
      if (this.#clock.monotonicMs() - madeAtMs >= GOOD_CONNECTION_MS) this.#attempt = 0;
      this.#lost(failure);
    });
    observer?.up?.(made);
    for (const waiter of [...this.#waiters]) this.#settleWaiter(waiter, (one) => one.resolve(made));
  }

  #lost(failure: Failure): void {
    if (this.#closed) return;
    this.#lastFailure = failure;
    this.#attempt += 1;
    this.#addressIndex += 1;
    const retryInMs = backOffMs(RETRY, this.#attempt);
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

  #closedByUs(): Failure {
    return this.#driver.failure('closed', CLOSED_BY_US);
  }

  #rejectWaiters(failure: Failure, which: (waiter: Waiter<Connection, Failure>) => boolean): void {
    for (const waiter of [...this.#waiters]) if (which(waiter)) this.#settleWaiter(waiter, (one) => one.reject(failure));
  }

  #settleWaiter(waiter: Waiter<Connection, Failure>, settle: (waiter: Waiter<Connection, Failure>) => void): void {
    waiter.timer?.cancel();
    this.#waiters.delete(waiter);
    settle(waiter);
  }
}

interface Waiter<Connection, Failure> {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (failure: Failure) => void;
  readonly patient: boolean;
  timer: RunningLimit | undefined;
}
