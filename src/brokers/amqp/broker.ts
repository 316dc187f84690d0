/** RabbitMQ, as kombu's `pyamqp` transport uses it: see docs/wire/amqp.md for what is declared and how deliveries end. */
import type { Broker, BrokerCapabilities, BrokerOptions, ConsumeOptions, Consumer, Queue, Route, Subscription } from '../../broker.js';
import { systemClock } from '../../clock.js';
import type { AmqpChannel } from '../../connections/amqp.js';
import { toAmqpFailure, unlessMissing } from '../../connections/amqp/failure.js';
import { AmqpLink } from '../../connections/amqp/link.js';
import { type AmqpAddress, attentive, parseAmqpUrl } from '../../connections/amqp/url.js';
import { brokerErrorOf } from '../../connections/failure.js';
import { BrokerError } from '../../errors.js';
import { type Logger, silentLogger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import { inTime } from '../in-time.js';
import { AmqpConsumer } from './consumer.js';
import { Delays } from './delays.js';
import { Disposal } from './disposal.js';
import { NativeDelay } from './native-delay.js';
import { Publisher } from './publisher.js';
import { Subscriptions } from './subscriptions.js';
import { Deaths } from './deaths.js';
import { Topology } from './topology.js';

/** @throws ConfigError for a URL or an option that cannot be read. */
export function openAmqpBroker(url: string, options: BrokerOptions): AmqpBroker {
  return new AmqpBroker(parseAmqpUrl(url, { transportOptions: options.transportOptions, ...options.amqp, ...sslOf(options) }), options);
}

function sslOf({ ssl }: BrokerOptions): Pick<BrokerOptions, 'ssl'> {
  return ssl === undefined ? {} : { ssl };
}

export class AmqpBroker implements Broker {
  readonly capabilities: BrokerCapabilities = { eventExchangeType: 'topic', parks: true, shared: true };
  readonly displayUrl: string;
  readonly #addresses: readonly AmqpAddress[];
  readonly #connectTimeoutMs: number;
  readonly #logger: Logger;
  readonly #topology: Topology;
  /** A connection for publishing alone: a server that is short of memory stops reading from it. */
  readonly #publishing: AmqpLink;
  readonly #publisher: Publisher;
  readonly #disposal: Disposal;
  readonly #deaths: Deaths;
  readonly #nativeDelay: NativeDelay;
  readonly #subscriptions: Subscriptions;
  readonly #consumers = new Set<Consumer>();
  /** For questions and subscriptions. */
  #asking: AmqpLink | undefined;
  #closing: Promise<void> | undefined;

  constructor(addresses: readonly AmqpAddress[], options: BrokerOptions) {
    this.#addresses = addresses;
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#logger = options.logger ?? silentLogger;
    this.#topology = new Topology(this.#logger);
    this.#publishing = this.#link('ctq publisher');
    this.displayUrl = this.#publishing.displayUrl;
    if (addresses.some(({ tls }) => tls?.verify === 'none')) {
      this.#logger.warning(
        'Nobody checks the certificate of %s: whoever is in between reads and writes along (cert_reqs)',
        this.displayUrl,
      );
    }
    const parts = { link: this.#publishing, topology: this.#topology, clock: systemClock, logger: this.#logger };
    this.#publisher = new Publisher({
      ...parts,
      limitMs: options.amqp?.confirmLimitMs ?? options.connectTimeoutMs,
      told: (failure) => brokerErrorOf(failure, this.displayUrl),
    });
    const delays = new Delays(options.amqp?.delayedQueueType ?? 'quorum');
    this.#disposal = new Disposal({ ...parts, publisher: this.#publisher, delays });
    this.#deaths = new Deaths(parts);
    this.#nativeDelay = new NativeDelay({ ...parts, delays, queues: options.amqp?.queues ?? [] });
    this.#subscriptions = new Subscriptions({ link: () => this.#theAsking(), topology: this.#topology, logger: this.#logger });
  }

  declare(queue: Queue): Promise<void> {
    this.#nativeDelay.learn(queue);
    return this.#do(() => this.#publishing.ask(async (connection) => void (await this.#topology.declare(connection, queue))));
  }

  publish(message: Message, route: Route): Promise<void> {
    if (this.#closing !== undefined) return this.#do(() => this.#publisher.publish(message, route));
    const dueAtMs = this.#nativeDelay.dueOf(message, route);
    if (dueAtMs === undefined) return this.#publisher.publish(message, route);
    return this.#do(async () => this.#publisher.publish(...(await this.#nativeDelay.byLadder(message, route, dueAtMs))));
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#mustBeOpen();
    const consumer = new AmqpConsumer({
      ...options,
      addresses: options.loop === 'free' ? this.#addresses.map(attentive) : this.#addresses,
      topology: this.#topology,
      disposal: this.#disposal,
      deaths: this.#deaths,
      nativeDelay: this.#nativeDelay,
      clock: systemClock,
      logger: this.#logger,
      toBrokerError: (failure) => brokerErrorOf(failure, this.displayUrl),
      closed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  subscribe(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    return this.#do(() => this.#subscriptions.add(queue, onMessage));
  }

  purge(queue: string): Promise<number> {
    return this.#askQueue(async (channel) => (await channel.purgeQueue(queue)).messageCount);
  }

  depth(queue: string): Promise<number> {
    return this.#askQueue(async (channel) => (await channel.checkQueue(queue)).messageCount);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await inTime(Promise.all([this.#publisher.idle(), this.#deaths.idle(), this.#subscriptions.close()]), systemClock);
    // What could not be sent by now is told so.
    this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#asking?.close()]);
  }

  #link(name: string): AmqpLink {
    return new AmqpLink({ addresses: this.#addresses, name, clock: systemClock, connectTimeoutMs: this.#connectTimeoutMs });
  }

  #theAsking(): AmqpLink {
    this.#asking ??= new AmqpLink({
      addresses: this.#addresses,
      name: 'ctq',
      clock: systemClock,
      connectTimeoutMs: this.#connectTimeoutMs,
      observer: { prepare: (connection) => this.#subscriptions.restore(connection) },
    });
    return this.#asking;
  }

  /** A queue that nobody has declared is empty, as it is with every other broker. */
  #askQueue(ask: (channel: AmqpChannel) => Promise<number>): Promise<number> {
    return this.#do(() =>
      unlessMissing(
        this.#theAsking().ask((connection) => connection.once(ask)),
        0,
      ),
    );
  }

  async #do<T>(action: () => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    try {
      return await action();
    } catch (error) {
      throw error instanceof BrokerError ? error : brokerErrorOf(toAmqpFailure(error), this.displayUrl);
    }
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new BrokerError('CTQ_BROKER_CLOSED', `the broker at ${this.displayUrl} was closed`);
  }
}
