/** kombu's Redis transport, without its windows: see docs/wire/redis.md for the keys and RELIABILITY for the windows. */
import type {
  Broker,
  BrokerCapabilities,
  BrokerOptions,
  ConsumeOptions,
  Consumer,
  Queue,
  Revocations,
  Route,
  SharedLimits,
  Subscription,
} from '../../broker.js';
import { systemClock } from '../../clock.js';
import { brokerErrorOf } from '../../connections/failure.js';
import { toRedisFailure } from '../../connections/redis/failure.js';
import { RedisLink } from '../../connections/redis/link.js';
import { parseRedisUrl, type RedisAddress } from '../../connections/redis/url.js';
import { BrokerError } from '../../errors.js';
import { type Logger, silentLogger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import type { ResultBackend, Settlement } from '../../result-backend.js';
import { type JointSettler, sequentialSettlement } from '../../settlement.js';
import { inTime } from '../in-time.js';
import { bindingMember } from './bindings.js';
import { RedisConsumer } from './consumer.js';
import { bindingKey, queueLists, type RedisLayout, redisLayout } from './keys.js';
import { ListListener } from './list-listener.js';
import { FanoutListener } from './fanout.js';
import { broadcastArguments, Publisher } from './publisher.js';
import { redisLimits } from './limits.js';
import { redisRevocations } from './revocations.js';
import { drainScript } from './scripts.js';
import { isRedisResultWriter, RedisSettlement } from './settlement.js';
import { Switchboard } from './switchboard.js';

/** @throws ConfigError for a URL or a transport option that cannot be read. */
export function openRedisBroker(url: string, options: BrokerOptions): RedisBroker {
  const addresses = parseRedisUrl(url, options);
  return new RedisBroker(addresses, redisLayout(options.transportOptions, addresses[0]?.db ?? 0), options);
}

interface Closable {
  close(): Promise<void>;
}

export class RedisBroker implements Broker, JointSettler {
  readonly capabilities: BrokerCapabilities = { eventExchangeType: 'fanout', parks: true, shared: true };
  readonly displayUrl: string;
  readonly #addresses: readonly RedisAddress[];
  readonly #layout: RedisLayout;
  readonly #connectTimeoutMs: number;
  readonly #logger: Logger;
  /** For everything but consuming. */
  readonly #link: RedisLink;
  readonly #publisher: Publisher;
  readonly revocations: Revocations;
  readonly limits: SharedLimits;
  readonly #open = new Set<Closable>();
  #switchboard: Switchboard | undefined;
  #closing: Promise<void> | undefined;

  constructor(addresses: readonly RedisAddress[], layout: RedisLayout, options: BrokerOptions) {
    this.#addresses = addresses;
    this.#layout = layout;
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#logger = options.logger ?? silentLogger;
    this.#link = new RedisLink({ addresses, name: 'ctq', clock: systemClock, connectTimeoutMs: options.connectTimeoutMs });
    this.displayUrl = this.#link.displayUrl;
    if (addresses.some(({ tls }) => tls?.verify === 'none')) {
      this.#logger.warning(
        'Nobody checks the certificate of %s: whoever is in between reads and writes along (ssl_cert_reqs)',
        this.displayUrl,
      );
    }
    this.#publisher = new Publisher(layout, this.#link, (failure) => brokerErrorOf(failure, this.displayUrl));
    this.revocations = redisRevocations(layout, this.#link, (action) => this.#do(action));
    this.limits = redisLimits(layout, this.#link, (action) => this.#do(action));
  }

  declare(queue: Queue): Promise<void> {
    return this.#do(async () => {
      // The default exchange binds every queue under its name, without any record of it.
      if (queue.exchange.name === '') return;
      await this.#link.call('sadd', [bindingKey(this.#layout, queue.exchange.name), bindingMember(this.#layout, queue)]);
    });
  }

  publish(message: Message, route: Route): Promise<void> {
    if (this.#closing !== undefined) return this.#do(() => this.#publisher.publish(message, route));
    return this.#publisher.publish(message, route);
  }

  broadcast(message: Message, route: Route): Promise<number> {
    return this.#do(async () => {
      const connection = await this.#link.connection();
      return Number(await connection.call('publish', broadcastArguments(this.#layout, message, route)));
    });
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#mustBeOpen();
    const consumer = new RedisConsumer({
      ...options,
      addresses: this.#addresses,
      layout: this.#layout,
      switchboard: this.#theSwitchboard(),
      clock: systemClock,
      logger: this.#logger,
      toBrokerError: (failure) => brokerErrorOf(failure, this.displayUrl),
      closed: () => this.#open.delete(consumer),
    });
    this.#open.add(consumer);
    return consumer;
  }

  subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    return this.#do(async () => {
      const parts = { layout: this.#layout, switchboard: this.#theSwitchboard(), link: this.#link, queue, onMessage, clock: systemClock };
      const listener = queue.exchange.type === 'fanout' ? new FanoutListener(parts) : new ListListener(parts);
      this.#open.add(listener);
      await listener.start();
      return {
        close: async () => {
          this.#open.delete(listener);
          await listener.close();
        },
      };
    });
  }

  purge(queue: string): Promise<number> {
    return this.#do(async () => {
      const removed = await this.#link.run(drainScript, queueLists(this.#layout, queue), ['count']);
      return Number(removed);
    });
  }

  depth(queue: string): Promise<number> {
    return this.#do(async () => {
      const lengths = await Promise.all(queueLists(this.#layout, queue).map((list) => this.#link.call('llen', [list])));
      return lengths.reduce<number>((sum, length) => sum + Number(length), 0);
    });
  }

  settlementWith(backend: ResultBackend): Settlement | undefined {
    const [address, ...others] = this.#addresses;
    if (address === undefined || others.length > 0 || !isRedisResultWriter(backend)) return undefined;
    if (backend.redisIdentity !== address.identity) return undefined;
    return new RedisSettlement(backend, this.#publisher, sequentialSettlement(this, backend, { logger: this.#logger }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closing = Promise.all([...this.#open].map((one) => one.close()));
    await inTime(
      closing.then(() => this.#publisher.idle()),
      systemClock,
    );
    await closing;
    // What could not be sent by now is told so.
    this.#publisher.close();
    await this.#link.now?.call('del', this.#publisher.ledgers).catch(() => {});
    await this.#link.close();
    await this.#switchboard?.close();
  }

  #theSwitchboard(): Switchboard {
    this.#switchboard ??= new Switchboard({
      addresses: this.#addresses,
      name: 'ctq switchboard',
      clock: systemClock,
      connectTimeoutMs: this.#connectTimeoutMs,
    });
    return this.#switchboard;
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    try {
      return await action();
    } catch (error) {
      throw brokerErrorOf(toRedisFailure(error), this.displayUrl);
    }
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new BrokerError('CTQ_BROKER_CLOSED', `the broker at ${this.displayUrl} was closed`);
  }
}
