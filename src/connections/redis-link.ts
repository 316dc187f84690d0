/**
 * A link to Redis that outlives its connections. One link is one connection at a time, made on first
 * need and made again with back-off for as long as the link is open:
 * `idle → connecting → up ⇄ waiting → closed`.
 */
import type { Clock, TimerHandle } from '../clock.js';
import { Connection, type RedisArgument, type RedisConnection, type RedisMessageListener, type RedisReply } from './redis.js';
import { closedFailure, noAnswerWithin, RedisFailure, toFailure } from './redis-failure.js';
import type { RedisScript } from './redis-script.js';
import type { RedisAddress } from './redis-url.js';

export interface RedisLinkOptions {
  /** Tried in turn. */
  readonly addresses: readonly RedisAddress[];
  /** `CLIENT SETNAME`, for people who look at `CLIENT LIST`. */
  readonly name: string;
  readonly clock: Clock;
  /** How long {@link RedisLink.connection} waits; `Infinity` for ever. Also the longest silence, when that is less than usual. */
  readonly connectTimeoutMs: number;
  readonly observer?: RedisLinkObserver;
}

export interface RedisLinkObserver {
  /** Runs on each new connection before anybody else may use it; a rejection gives the connection up. */
  prepare?(connection: RedisConnection): Promise<void>;
  up?(connection: RedisConnection): void;
  /** The connection broke, or an attempt to make one failed. */
  down?(failure: RedisFailure, attempt: number, retryInMs: number): void;
  readonly message?: RedisMessageListener;
}

/** An attempt includes the handshake: a frozen server accepts connections. */
const ATTEMPT_LIMIT_MS = 4_000;
const FIRST_RETRY_MS = 100;
/** Not more than about one attempt a second however long it takes (M7), and work again within 2 s of the server (M6). */
const LATER_RETRY_MS = 1_000;
/** A connection that lived this long was a good one: the next trouble starts from a short back-off again. */
const GOOD_CONNECTION_MS = 3_000;

export class RedisLink {
  readonly displayUrl: string;
  readonly #options: RedisLinkOptions;
  readonly #clock: Clock;
  #current: Connection | undefined;
  #making: Promise<void> | undefined;
  #retryTimer: TimerHandle | undefined;
  #attempt = 0;
  #addressIndex = 0;
  #everUp = false;
  #closed = false;
  #lastFailure: RedisFailure | undefined;
  readonly #waiters = new Set<Waiter>();

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.displayUrl = options.addresses.map((address) => address.displayUrl).join(';');
  }

  /** The connection, when it is up at this moment. */
  get now(): RedisConnection | undefined {
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
   * The connection as soon as it is up. Rejects with {@link RedisFailure} after the link's time for it,
   * at once when the server refuses us, or when there never was anybody at this address.
   */
  connection(timeoutMs = this.#options.connectTimeoutMs): Promise<RedisConnection> {
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    if (this.#closed) return Promise.reject(closedFailure());
    this.open();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, patient: timeoutMs === Number.POSITIVE_INFINITY, timer: undefined };
      if (!waiter.patient) {
        waiter.timer = this.#clock.setTimeout(() => {
          this.#waiters.delete(waiter);
          reject(this.#lastFailure ?? noAnswerWithin(timeoutMs));
        }, timeoutMs);
      }
      this.#waiters.add(waiter);
    });
  }

  /** Sends one command when the connection is up; repeated after a lost connection, so only for what may be. */
  async ask(name: string, args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#repeat((connection) => connection.call(name, args));
  }

  /** The same for a script. */
  async askScript(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#repeat((connection) => connection.run(script, keys, args));
  }

  async #repeat<T>(attempt: (connection: RedisConnection) => Promise<T>): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + this.#options.connectTimeoutMs;
    for (;;) {
      const connection = await this.connection(Math.max(0, deadlineMs - this.#clock.monotonicMs()));
      try {
        return await attempt(connection);
      } catch (error) {
        const again = error instanceof RedisFailure && error.kind === 'unreachable' && this.#clock.monotonicMs() < deadlineMs;
        if (!again) throw error;
      }
    }
  }

  /** Ends the connection; whatever was under way rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#current?.end(closedFailure());
    this.#current = undefined;
    this.#rejectWaiters(closedFailure(), () => true);
  }

  async #make(): Promise<void> {
    const { addresses, observer } = this.#options;
    const address = addresses[this.#addressIndex % addresses.length];
    if (address === undefined) throw new Error('a Redis link needs an address');
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(address, {
        name: this.#options.name,
        clock: this.#clock,
        attemptLimitMs: Math.min(ATTEMPT_LIMIT_MS, Math.max(this.#options.connectTimeoutMs, 1)),
        silenceLimitMs: Math.max(this.#options.connectTimeoutMs, 100),
        ...(observer?.message === undefined ? {} : { onMessage: observer.message }),
      });
      if (observer?.prepare !== undefined) await observer.prepare(connection);
    } catch (error) {
      const failure = toFailure(error);
      connection?.end(failure);
      this.#lost(failure);
      return;
    }
    if (this.#closed) {
      connection.end(closedFailure());
      return;
    }
    this.#everUp = true;
    this.#current = connection;
    const madeAtMs = this.#clock.monotonicMs();
    connection.onEnd((failure) => {
      if (this.#current !== connection) return;
      this.#current = undefined;
      if (this.#clock.monotonicMs() - madeAtMs >= GOOD_CONNECTION_MS) this.#attempt = 0;
      this.#lost(failure);
    });
    if (connection.failure !== undefined) return;
    observer?.up?.(connection);
    for (const waiter of [...this.#waiters]) this.#settleWaiter(waiter, (one) => one.resolve(connection));
  }

  #lost(failure: RedisFailure): void {
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

  #rejectWaiters(failure: RedisFailure, which: (waiter: Waiter) => boolean): void {
    for (const waiter of [...this.#waiters]) if (which(waiter)) this.#settleWaiter(waiter, (one) => one.reject(failure));
  }

  #settleWaiter(waiter: Waiter, settle: (waiter: Waiter) => void): void {
    waiter.timer?.cancel();
    this.#waiters.delete(waiter);
    settle(waiter);
  }
}

interface Waiter {
  readonly resolve: (connection: RedisConnection) => void;
  readonly reject: (failure: RedisFailure) => void;
  readonly patient: boolean;
  timer: TimerHandle | undefined;
}
