/**
 * One connection to an AMQP 0-9-1 server: the only file that knows the driver.
 *
 * The driver's own recovery is not used: whether something unanswered may be sent again is known to the
 * caller alone. Heartbeats are those of `broker_heartbeat`, which lets the server be patient with a
 * process that computes; that the *server* is gone is noticed earlier, by questions of our own.
 */
import type { ConnectionOptions } from 'node:tls';
import { type Channel, type ChannelModel, type ConfirmChannel, connect, credentials } from 'amqplib';
import type { Clock } from '../clock.js';
import { answeredWithin, type RunningLimit, timeLimit } from '../time-limit.js';
import { AmqpFailure, toAmqpFailure } from './amqp/failure.js';
import { type ByteSource, repairTables } from './amqp/tables.js';
import type { AmqpAddress, AmqpTls } from './amqp/url.js';
import { type ByteSink, gatherWrites } from './amqp/writes.js';
import { CLOSED, noAnswerFor, noAnswerWithin } from './failure.js';
import type { Linked } from './link.js';
import { DRIVER_PATIENCE, SILENCE_LIMIT_MS, watchSilence } from './silence.js';
import { readTlsFiles } from './tls-files.js';

export type {
  Channel as AmqpChannel,
  ConfirmChannel as AmqpConfirmChannel,
  ConsumeMessage as AmqpDelivered,
  Message as AmqpReturned,
} from 'amqplib';

/** A connection that is up. What is opened on it fails when it breaks, and never moves to the next one. */
export interface AmqpConnection {
  /** RabbitMQ's version as numbers, `[3, 10, 8]`; empty where the server does not say. */
  readonly version: readonly number[];
  /** Why the server takes no messages for the moment, when it does not: it is short of memory or disk. */
  readonly blocked: string | undefined;
  /** Rejects with {@link AmqpFailure}; an error on the channel closes it and nothing else. */
  channel(): Promise<Channel>;
  /** The same, with an answer to each message that is published. */
  confirmChannel(): Promise<ConfirmChannel>;
  /** A channel for one piece of work, closed afterwards. */
  once<T>(work: (channel: Channel) => Promise<T>): Promise<T>;
  abandon(reason: AmqpFailure): void;
  /** The same for the end of a channel: when all of the connection ends, its channels hear of it before it does, and not why. */
  abandonSoon(reason: AmqpFailure): void;
}

export interface AmqpConnectionOptions {
  /** Shown by `rabbitmqctl list_connections client_properties`. */
  readonly name: string;
  readonly clock: Clock;
  /** Longest time for connecting and shaking hands. */
  readonly attemptLimitMs: number;
  readonly onBlocked?: (reason: string | undefined) => void;
}

const GOODBYE_LIMIT_MS = 1_000;
/** As py-amqp's; RabbitMQ's own default. A message's headers must fit into one frame. */
const FRAME_MAX = 131_072;

export class Connection implements AmqpConnection, Linked<AmqpFailure> {
  readonly version: readonly number[];
  readonly #model: ChannelModel;
  readonly #clock: Clock;
  #blocked: string | undefined;
  #failure: AmqpFailure | undefined;
  #endListener: ((failure: AmqpFailure) => void) | undefined;
  #stopWatching: (() => void) | undefined;

  private constructor(model: ChannelModel, options: AmqpConnectionOptions) {
    this.#model = model;
    this.#clock = options.clock;
    this.version = model.connection.serverProperties.version.split('.').map(Number).filter(Number.isFinite);
    repairTables(this.#stream);
    gatherWrites(this.#stream);
    let lastError: unknown;
    // Without a listener the driver ends the process.
    model.on('error', (error) => {
      lastError = error;
    });
    model.on('close', (error) => this.end(toAmqpFailure(lastError ?? error ?? new AmqpFailure('unreachable', CLOSED))));
    const block = (reason: string | undefined): void => {
      this.#blocked = reason;
      options.onBlocked?.(reason);
    };
    model.on('blocked', (reason) => block(reason));
    model.on('unblocked', () => block(undefined));
  }

  /** Connects, logs in, and opens a channel to see that the server answers. */
  static async open(address: AmqpAddress, options: AmqpConnectionOptions): Promise<Connection> {
    const { attemptLimitMs, clock } = options;
    let timer: RunningLimit | undefined;
    let late = false;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = timeLimit(clock, attemptLimitMs, () => {
        late = true;
        reject(new AmqpFailure('unreachable', noAnswerWithin(attemptLimitMs)));
      });
    });
    try {
      // The driver's limit ends when the socket is there; ours holds for the handshake, too.
      const connecting = connect(serverOf(address), socketOptions(address, attemptLimitMs, options.name));
      connecting.then(
        (model) => late && void model.close().catch(() => {}),
        () => {},
      );
      const connection = new Connection(await Promise.race([connecting, silence]), options);
      await Promise.race([connection.#watch(), silence]).catch((error: unknown) => {
        connection.end(toAmqpFailure(error));
        throw error;
      });
      if (connection.#failure !== undefined) throw connection.#failure;
      return connection;
    } catch (error) {
      throw toAmqpFailure(error);
    } finally {
      timer?.cancel();
      silence.catch(() => {});
    }
  }

  get blocked(): string | undefined {
    return this.#blocked;
  }

  get failure(): AmqpFailure | undefined {
    return this.#failure;
  }

  onEnd(listener: (failure: AmqpFailure) => void): void {
    this.#endListener = listener;
    if (this.#failure !== undefined) listener(this.#failure);
  }

  abandon(reason: AmqpFailure): void {
    this.end(reason);
  }

  abandonSoon(reason: AmqpFailure): void {
    queueMicrotask(() => this.end(reason));
  }

  /** Says good-bye and leaves; what was written before it arrives. */
  async close(reason: AmqpFailure): Promise<void> {
    if (this.#failure !== undefined) return;
    const closing = this.#model.close();
    this.end(reason);
    await answeredWithin(this.#clock, GOODBYE_LIMIT_MS, closing);
    this.#stream.destroy(reason);
  }

  end(failure: AmqpFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#stopWatching?.();
    // A server that is silent answers no good-bye: the socket goes at once unless we are the ones to leave. With an
    // error, for only that makes the driver reject what is under way.
    if (failure.kind !== 'closed') this.#stream.destroy(failure);
    this.#endListener?.(failure);
  }

  async channel(): Promise<Channel> {
    return this.#guarded(() => this.#model.createChannel());
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return this.#guarded(() => this.#model.createConfirmChannel());
  }

  async once<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.channel();
    try {
      return await work(channel);
    } catch (error) {
      throw this.#failure ?? toAmqpFailure(error);
    } finally {
      await channel.close().catch(() => {}); // The server may have closed it already.
    }
  }

  async #guarded<T extends Channel>(open: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const channel = await open();
      channel.on('error', () => {}); // Whoever has something under way on it is told by the rejection.
      return channel;
    } catch (error) {
      throw this.#failure ?? toAmqpFailure(error);
    }
  }

  /** The driver's types do not show the socket. */
  get #stream(): DriverStream {
    return (this.#model.connection as unknown as { readonly stream: DriverStream }).stream;
  }

  /** Resolves when the server has answered for the first time. */
  async #watch(): Promise<void> {
    const channel = await this.channel();
    // The cheapest question there is; this channel consumes nothing, so the answer changes nothing.
    await channel.prefetch(1);
    let askedAtMs: number | undefined;
    this.#stopWatching = watchSilence({
      clock: this.#clock,
      limitMs: SILENCE_LIMIT_MS,
      bytesRead: () => this.#stream.bytesRead,
      owedSinceMs: () => askedAtMs,
      ask: () => {
        askedAtMs = this.#clock.monotonicMs();
        channel.prefetch(1).then(
          () => {
            askedAtMs = undefined;
          },
          () => {},
        );
      },
      isExcused: () => this.#blocked !== undefined,
      gone: (silentForMs) => this.end(new AmqpFailure('unreachable', noAnswerFor(silentForMs))),
    });
  }
}

interface DriverStream extends ByteSource, ByteSink {
  readonly bytesRead: number;
  destroy(error: Error): void;
}

function serverOf(address: AmqpAddress): Parameters<typeof connect>[0] {
  return {
    protocol: address.tls === undefined ? 'amqp' : 'amqps',
    hostname: address.host,
    port: address.port,
    username: address.username,
    password: address.password,
    vhost: encodeURIComponent(address.vhost),
    heartbeat: address.heartbeatS,
    frameMax: FRAME_MAX,
  };
}

function socketOptions(address: AmqpAddress, limitMs: number, name: string): Record<string, unknown> {
  const { username, password, loginMethod, tls } = address;
  return {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: 15_000,
    timeout: DRIVER_PATIENCE * limitMs,
    credentials:
      loginMethod === 'EXTERNAL'
        ? credentials.external()
        : loginMethod === 'AMQPLAIN'
          ? credentials.amqplain(username, password)
          : credentials.plain(username, password),
    clientProperties: { product: 'ctq', connection_name: name },
    ...(tls === undefined ? {} : tlsOptions(tls)),
  };
}

function tlsOptions(tls: AmqpTls): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.verify !== 'none',
    ...(tls.checkHostname ? {} : { checkServerIdentity: () => undefined }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...readTlsFiles(tls, ''),
  };
}
