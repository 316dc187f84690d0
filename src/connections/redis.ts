/**
 * One connection to Redis: the only file that knows the driver.
 *
 * Each connection is a fresh ioredis instance without its retries and queues: nothing is ever sent
 * twice from here, for whether an unanswered call may be repeated is known to the caller alone. The
 * handshake is ours, so that a wrong password is an answer and not a line on the console. A server
 * that is silent for {@link SILENCE_LIMIT_MS} is as good as gone (RELIABILITY R9).
 */
import type { ConnectionOptions } from 'node:tls';
import { Command, Redis, type RedisOptions } from 'ioredis';
import type { Clock, TimerHandle } from '../clock.js';
import { type RunningLimit, timeLimit } from '../time-limit.js';
import { CLOSED, noAnswerFor, noAnswerWithin } from './failure.js';
import type { Linked } from './link.js';
import { isServerReply, RedisFailure, toRedisFailure } from './redis/failure.js';
import type { RedisScript } from './redis/script.js';
import type { RedisAddress, RedisTls } from './redis/url.js';
import { speaksInClear } from './plain-probe.js';
import { DRIVER_PATIENCE, SILENCE_LIMIT_MS, watchSilence } from './silence.js';
import { readTlsFiles } from './tls-files.js';

export type RedisArgument = string | Buffer;
/** What a server answers, bulk strings as text. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** A connection that is up. Calls on it fail when it breaks, and never move to the next one. */
export interface RedisConnection {
  /** The answer; rejects with {@link RedisFailure}. */
  call(name: string, args: readonly RedisArgument[]): Promise<RedisReply>;
  /** The same with bulk strings as bytes. */
  callForBytes(name: string, args: readonly RedisArgument[]): Promise<unknown>;
  /** Runs a script by its digest, sending its text when the server does not know it. */
  run(script: RedisScript, keys: readonly RedisArgument[], args: readonly RedisArgument[]): Promise<RedisReply>;
  runForBytes(script: RedisScript, keys: readonly RedisArgument[], args: readonly RedisArgument[]): Promise<unknown>;
  /** Gives the connection up: for a server that turned out to be of no use, a replica after a fail-over. */
  abandon(reason: RedisFailure): void;
}

export interface RedisConnectionOptions {
  /** `CLIENT SETNAME`, for people who look at `CLIENT LIST`. */
  readonly name: string;
  readonly clock: Clock;
  /** Longest time for connecting and shaking hands. */
  readonly attemptLimitMs: number;
  /** Longest time without a byte while an answer is due, when less than usual. */
  readonly silenceLimitMs: number;
  readonly onMessage?: RedisMessageListener;
}

/** A pub/sub message; `pattern` for PSUBSCRIBE. */
export type RedisMessageListener = (channel: string, payload: string, pattern: string | undefined) => void;

/** Where others stand ready the sentinels need a few seconds more to choose, and 15 s are for both. */
const SILENCE_LIMIT_BEHIND_SENTINELS_MS = 6_000;

export class Connection implements RedisConnection, Linked<RedisFailure> {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #silenceLimitMs: number;
  #failure: RedisFailure | undefined;
  #endListener: ((failure: RedisFailure) => void) | undefined;
  #stopWatching: (() => void) | undefined;
  #pending = 0;
  #pendingSinceMs = 0;

  private constructor(redis: Redis, clock: Clock, silenceLimitMs: number) {
    this.#redis = redis;
    this.#clock = clock;
    this.#silenceLimitMs = silenceLimitMs;
  }

  /** Connects, logs in, selects the database and sees that the server answers. */
  static async open(address: RedisAddress, options: RedisConnectionOptions): Promise<Connection> {
    const { attemptLimitMs, clock, onMessage } = options;
    const redis = new Redis(driverOptions(address, attemptLimitMs));
    let lastError: unknown;
    redis.on('error', (error) => {
      lastError = error;
    });
    if (onMessage !== undefined) {
      redis.on('message', (channel, payload) => onMessage(channel, payload, undefined));
      redis.on('pmessage', (pattern, channel, payload) => onMessage(channel, payload, pattern));
    }
    let timer: RunningLimit | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = timeLimit(clock, attemptLimitMs, () => reject(new RedisFailure('unreachable', noAnswerWithin(attemptLimitMs))));
    });
    const noTlsThere = refusalOfTls(address, attemptLimitMs, clock);
    try {
      const longest = address.endpoint.kind === 'sentinel' ? SILENCE_LIMIT_BEHIND_SENTINELS_MS : SILENCE_LIMIT_MS;
      const connection = new Connection(redis, clock, Math.min(longest, options.silenceLimitMs));
      await Promise.race([redis.connect().then(() => connection.#handshake(address, options.name)), silence, noTlsThere.refused]);
      redis.once('close', () => connection.end(toRedisFailure(lastError ?? new RedisFailure('unreachable', CLOSED))));
      if (redis.status !== 'ready') throw new RedisFailure('unreachable', CLOSED);
      connection.#watch();
      return connection;
    } catch (error) {
      redis.disconnect();
      throw toRedisFailure(error instanceof Error && error.message === 'Connection is closed.' ? (lastError ?? error) : error);
    } finally {
      timer?.cancel();
      noTlsThere.cancel();
      silence.catch(() => {});
    }
  }

  get failure(): RedisFailure | undefined {
    return this.#failure;
  }

  onEnd(listener: (failure: RedisFailure) => void): void {
    this.#endListener = listener;
    if (this.#failure !== undefined) listener(this.#failure);
  }

  abandon(reason: RedisFailure): void {
    this.end(reason);
  }

  /** Redis is owed no good-bye: whatever has been written is executed. */
  async close(reason: RedisFailure): Promise<void> {
    this.end(reason);
  }

  end(failure: RedisFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#stopWatching?.();
    this.#redis.disconnect();
    this.#endListener?.(failure);
  }

  async call(name: string, args: readonly RedisArgument[]): Promise<RedisReply> {
    return (await this.#send(name, args, 'utf8')) as RedisReply;
  }

  callForBytes(name: string, args: readonly RedisArgument[]): Promise<unknown> {
    return this.#send(name, args, undefined);
  }

  async run(script: RedisScript, keys: readonly RedisArgument[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return (await this.#run(script, keys, args, 'utf8')) as RedisReply;
  }

  runForBytes(script: RedisScript, keys: readonly RedisArgument[], args: readonly RedisArgument[]): Promise<unknown> {
    return this.#run(script, keys, args, undefined);
  }

  async #run(
    script: RedisScript,
    keys: readonly RedisArgument[],
    args: readonly RedisArgument[],
    encoding: 'utf8' | undefined,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.#send('evalsha', [script.sha, ...rest], encoding);
    } catch (error) {
      if (!(error instanceof RedisFailure) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#send('eval', [script.lua, ...rest], encoding);
    }
  }

  async #handshake(address: RedisAddress, name: string): Promise<void> {
    const steps: Promise<unknown>[] = [];
    if (address.password !== undefined) {
      const credentials = address.username === undefined ? [address.password] : [address.username, address.password];
      // As Python does, a password for a server that has none is refused: it may be the wrong server.
      steps.push(this.#send('auth', credentials, 'utf8'));
    }
    if (address.db !== 0) steps.push(this.#send('select', [String(address.db)], 'utf8'));
    // Not everybody may name themselves (ACL, proxies).
    steps.push(this.#send('client', ['SETNAME', name.replace(/[^!-~]/g, '-')], 'utf8').catch(() => {}));
    // LOADING and NOAUTH are found here, before anybody uses the connection.
    steps.push(this.#send('ping', [], 'utf8'));
    const outcomes = await Promise.allSettled(steps);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #send(name: string, args: readonly RedisArgument[], encoding: BufferEncoding | undefined): Promise<unknown> {
    if (this.#failure !== undefined)
      return Promise.reject(new RedisFailure(this.#failure.kind, this.#failure.message, { cause: this.#failure }));
    if (this.#pending === 0) this.#pendingSinceMs = this.#clock.monotonicMs();
    this.#pending += 1;
    const command = new Command(name, args as RedisArgument[], encoding === undefined ? {} : { replyEncoding: encoding });
    return (this.#redis.sendCommand(command) as Promise<unknown>).then(this.#answered, this.#rejected);
  }

  readonly #answered = (reply: unknown): unknown => {
    this.#pending -= 1;
    return reply;
  };

  readonly #rejected = (error: unknown): never => {
    this.#pending -= 1;
    if (isServerReply(error)) throw toRedisFailure(error);
    // The driver knows before the socket says so that nothing can be written any more. Who asks for a connection
    // now must not be given this one: it would fail again at once, and so on without end.
    const reason = this.#failure ?? toRedisFailure(error);
    this.end(reason);
    throw new RedisFailure(reason.kind, reason.message, {
      cause: error,
      unanswered: true,
      ...(reason.hint === undefined ? {} : { hint: reason.hint }),
    });
  };

  #watch(): void {
    this.#stopWatching = watchSilence({
      clock: this.#clock,
      limitMs: this.#silenceLimitMs,
      bytesRead: () => this.#redis.stream.bytesRead,
      owedSinceMs: () => (this.#pending > 0 ? this.#pendingSinceMs : undefined),
      ask: () => void this.#send('ping', [], 'utf8').catch(() => {}),
      gone: (silentForMs) => this.end(new RedisFailure('unreachable', noAnswerFor(silentForMs))),
    });
  }
}

/** The constructor wants to know by type how replies are mapped. */
type DriverOptions = RedisOptions & { replyMapping: 'legacy' };

function driverOptions(address: RedisAddress, limitMs: number): DriverOptions {
  const { endpoint } = address;
  const common: DriverOptions = {
    lazyConnect: true,
    protocol: 2,
    replyMapping: 'legacy',
    // Ours is the limit (timeLimit); the driver's counts also the time in which nobody here listened.
    connectTimeout: DRIVER_PATIENCE * limitMs,
    keepAlive: 15_000,
    retryStrategy: null,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    ...(address.tls === undefined ? {} : { tls: tlsOptions(address.tls, endpoint) }),
  };
  switch (endpoint.kind) {
    case 'tcp':
      return { ...common, host: endpoint.host, port: endpoint.port };
    case 'socket':
      return { ...common, path: endpoint.path };
    case 'sentinel':
      return {
        ...common,
        sentinels: endpoint.nodes.map((node) => ({ host: node.host, port: node.port })),
        name: endpoint.masterName,
        sentinelRetryStrategy: () => null,
        sentinelCommandTimeout: limitMs,
        ...(endpoint.username === undefined ? {} : { sentinelUsername: endpoint.username }),
        ...(endpoint.password === undefined ? {} : { sentinelPassword: endpoint.password }),
        ...(endpoint.tls === undefined ? {} : { sentinelTLS: tlsOptions(endpoint.tls, endpoint) }),
        ...(address.tls === undefined ? {} : { enableTLSForSentinelMode: true }),
      };
  }
}

function tlsOptions(tls: RedisTls, endpoint: RedisAddress['endpoint']): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.verify !== 'none',
    ...(endpoint.kind === 'tcp' && !/^[0-9.]+$|:/.test(endpoint.host) ? { servername: endpoint.host } : {}),
    ...(tls.checkHostname ? {} : { checkServerIdentity: () => undefined }),
    ...readTlsFiles(tls, 'ssl_'),
  };
}

/** A server without TLS does not say so: it is asked in clear when it has been silent for a moment. */
const TLS_DOUBT_MS = 500;

function refusalOfTls(
  { tls, endpoint }: RedisAddress,
  limitMs: number,
  clock: Clock,
): { readonly refused: Promise<never>; cancel(): void } {
  let timer: TimerHandle | undefined;
  const refused = new Promise<never>((_resolve, reject) => {
    if (tls === undefined || endpoint.kind !== 'tcp' || limitMs <= TLS_DOUBT_MS) return;
    timer = clock.setTimeout(() => {
      void speaksInClear(endpoint, limitMs - TLS_DOUBT_MS, clock).then((clear) => {
        if (clear)
          reject(
            new RedisFailure('refused', 'the server answers, but speaks no TLS', {
              hint: 'write the URL as redis://, or turn TLS on there',
            }),
          );
      });
    }, TLS_DOUBT_MS);
  });
  refused.catch(() => {});
  return { refused, cancel: () => timer?.cancel() };
}
