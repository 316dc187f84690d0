/** What every desk of a RabbitMQ estate works with. */
import { openAmqpBroker } from '../../brokers/amqp/broker.js';
import { deadLetterQueue } from '../../brokers/amqp/wire.js';
import { Delays } from '../../brokers/amqp/delays.js';
import { Topology } from '../../brokers/amqp/topology.js';
import type { Broker, Route } from '../../broker.js';
import { systemClock } from '../../clock.js';
import type { AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure, unlessMissing } from '../../connections/amqp/failure.js';
import { brokerErrorOf } from '../../connections/failure.js';
import { AmqpLink } from '../../connections/amqp/link.js';
import { parseAmqpUrl } from '../../connections/amqp/url.js';
import { type ManagedQueue, RabbitManagement } from '../../connections/amqp/management.js';
import { silentLogger } from '../../logger.js';
import { BrokerError } from '../../errors.js';
import type { EstateOptions } from '../../estate/estate.js';
import type { Message } from '../../protocol/message.js';
import { Hold } from './hold.js';
import { isForTasks } from './names.js';

/** What the server counts of a queue at this moment. */
export interface Depth {
  /** Ready ones. */
  readonly messages: number;
  readonly consumers: number;
}

/** Questions at once: each has a channel of its own, for the server closes it over a queue that is not there. */
const AT_ONCE = 50;

export class AmqpServer {
  readonly displayUrl: string;
  readonly #link: AmqpLink;
  readonly #management: RabbitManagement | undefined;
  readonly #configured: readonly string[];
  readonly #topology = new Topology(silentLogger);
  readonly #delays: Delays;
  readonly #openBroker: () => Broker;
  #broker: Broker | undefined;

  /** @throws ConfigError for a URL or an option that cannot be read. */
  constructor(url: string, options: EstateOptions) {
    const { transportOptions, connectTimeoutMs, ssl, amqp } = options;
    const addresses = parseAmqpUrl(url, { transportOptions, ...amqp, ...(ssl === undefined ? {} : { ssl }) });
    this.#link = new AmqpLink({ addresses, name: 'ctq', clock: systemClock, connectTimeoutMs });
    this.displayUrl = this.#link.displayUrl;
    const [first] = addresses;
    this.#management = first === undefined ? undefined : RabbitManagement.of(first, transportOptions['management_url']);
    this.#configured = options.queues ?? [];
    this.#delays = new Delays(amqp?.delayedQueueType ?? 'quorum');
    this.#openBroker = () => openAmqpBroker(url, options);
  }

  async ask<T>(work: (connection: AmqpConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#link.ask(work);
    } catch (error) {
      throw this.#told(error);
    }
  }

  #told(error: unknown): Error {
    return error instanceof BrokerError ? error : brokerErrorOf(toAmqpFailure(error), this.displayUrl);
  }

  /** undefined in place of a queue that is not there. */
  async depths(names: readonly string[]): Promise<readonly (Depth | undefined)[]> {
    const depths: (Depth | undefined)[] = [];
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const some = names.slice(from, from + AT_ONCE);
      depths.push(...(await this.ask((connection) => Promise.all(some.map((name) => depthOf(connection, name))))));
    }
    return depths;
  }

  /** undefined when there is no such queue. What is taken from it must be given back, or dropped, by {@link Hold.giveBack}. */
  hold(queue: string): Promise<Hold | undefined> {
    return this.ask((connection) => unlessMissing(Hold.open({ connection, queue, told: (error) => this.#told(error) }), undefined));
  }

  /** Resolves once the server has it; a queue that is not there is made. */
  async publish(message: Message, queue: string): Promise<void> {
    await this.#publish(message, { exchange: { name: '', type: 'direct' }, routingKey: queue });
  }

  /** The same, into the queue when it is due. */
  async publishLater(message: Message, queue: string, dueAtMs: number): Promise<void> {
    const seconds = Math.floor((dueAtMs - systemClock.nowMs()) / 1000);
    if (seconds < 1) return this.publish(message, queue);
    const way = await this.ask(async (connection) => {
      await this.#topology.declare(connection, { name: queue, exchange: { name: '', type: 'direct' }, routingKey: queue });
      return this.#delays.wayBack(connection, queue);
    });
    return this.#publish(message, way(seconds));
  }

  async #publish(message: Message, route: Route): Promise<void> {
    this.#broker ??= this.#openBroker();
    await this.#broker.publish(message, route);
  }

  /** What the management plugin says; undefined where it does not answer. */
  async managed(): Promise<readonly ManagedQueue[] | undefined> {
    return this.#management?.queues();
  }

  alarms(): Promise<readonly string[]> {
    return this.#management?.alarms() ?? Promise.resolve([]);
  }

  /** Queues that tasks wait in: all of the virtual host where the plugin lists them, else those of the settings that are there. */
  async taskQueues(): Promise<readonly string[]> {
    const managed = await this.managed();
    if (managed !== undefined) return managed.map(({ name }) => name).filter(isForTasks);
    const names = [...new Set(this.#configured)];
    const depths = await this.depths(names);
    return names.filter((_name, index) => depths[index] !== undefined);
  }

  /** All queues that can be known of, with how many messages wait in each. */
  async everyQueue(): Promise<readonly Pick<ManagedQueue, 'name' | 'type' | 'messages' | 'bytes'>[]> {
    const managed = await this.managed();
    if (managed !== undefined) return managed;
    const names = [...new Set(this.#configured)].flatMap((name) => [name, deadLetterQueue(name).name]);
    const depths = await this.depths(names);
    return names.flatMap((name, index) => {
      const depth = depths[index];
      return depth === undefined ? [] : [{ name, type: 'queue', messages: depth.messages, bytes: undefined }];
    });
  }

  /** Why there may be more queues than {@link taskQueues} knows; undefined when there are none. */
  async blindSpot(): Promise<string | undefined> {
    if ((await this.managed()) !== undefined) return undefined;
    const why = this.#management?.problem;
    return why === undefined
      ? 'there may be more queues: RabbitMQ lists them by its management plugin only (management_url in broker_transport_options)'
      : `there may be more queues: RabbitMQ lists them by its management plugin only, and management_url does not answer: ${why}`;
  }

  async close(): Promise<void> {
    await Promise.all([this.#link.close(), this.#broker?.close()]);
  }
}

async function depthOf(connection: AmqpConnection, name: string): Promise<Depth | undefined> {
  const answer = await unlessMissing(
    connection.once((channel) => channel.checkQueue(name)),
    undefined,
  );
  return answer === undefined ? undefined : { messages: answer.messageCount, consumers: answer.consumerCount };
}
