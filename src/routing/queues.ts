/**
 * The queues an app knows by name: those of `taskQueues`, the default queue, and whatever name is
 * asked for while `taskCreateMissingQueues` is on (WIRE 3.6, Celery's `app.amqp.queues`).
 */
import type { Exchange, ExchangeType, Queue } from '../broker.js';
import { ConfigError } from '../errors.js';

/** How a queue is written in `taskQueues`: a name, or an object whose missing parts follow the name. */
export type QueueInput = string | QueueSpec;

export interface QueueSpec {
  readonly name?: string;
  readonly exchange?: string | { readonly name: string; readonly type?: ExchangeType };
  readonly exchangeType?: ExchangeType;
  readonly routingKey?: string;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  /** Every worker that takes from it gets a copy of each message, as from kombu's Broadcast. */
  readonly broadcast?: boolean;
  readonly maxPriority?: number;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** The settings this file reads, by their names in `config/settings.ts`. */
export interface QueueSettings {
  readonly taskQueues: unknown;
  readonly taskDefaultQueue: string;
  readonly taskDefaultExchange: string | null;
  readonly taskDefaultExchangeType: string;
  readonly taskDefaultRoutingKey: string | null;
  readonly taskCreateMissingQueues: boolean;
  readonly taskQueueMaxPriority: number | null;
  /** `x-queue-type` of the default queue, where nothing else is said about it. */
  readonly taskDefaultQueueType?: 'classic' | 'quorum';
  /** The same of queues that are only asked for by name. */
  readonly taskCreateMissingQueueType?: 'classic' | 'quorum';
  /** And the type of their exchange; null is direct. */
  readonly taskCreateMissingQueueExchangeType?: ExchangeType | null;
}

const EXCHANGE_TYPES: readonly string[] = ['direct', 'topic', 'fanout'] satisfies ExchangeType[];

/** AMQP's default exchange: the routing key is the queue's name. */
export const DEFAULT_EXCHANGE: Exchange = { name: '', type: 'direct' };

export class Queues {
  private readonly byName = new Map<string, Queue>();
  private readonly settings: QueueSettings;
  /** Where a task goes that nothing else is said about. */
  readonly default: Queue;

  constructor(settings: QueueSettings) {
    this.settings = settings;
    for (const spec of listQueues(settings.taskQueues)) this.add(spec);
    this.default = this.byName.get(settings.taskDefaultQueue) ?? this.addDefault();
  }

  /** Every queue declared in the settings, the default one only if `taskQueues` is empty or names it. */
  declared(): readonly Queue[] {
    const listed = listQueues(this.settings.taskQueues).map((spec) => this.get(spec.name ?? ''));
    return listed.length > 0 ? listed : [this.default];
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /**
   * @throws {@link ConfigError} when the name is unknown and `taskCreateMissingQueues` is off.
   */
  get(name: string): Queue {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    if (!this.settings.taskCreateMissingQueues) {
      const names = [...this.byName.keys()].join(', ');
      throw new ConfigError(`unknown queue '${name}'`, {
        hint: `task_create_missing_queues is off; the known queues are ${names}`,
      });
    }
    const { taskCreateMissingQueueType: type, taskCreateMissingQueueExchangeType: exchangeType } = this.settings;
    return this.add({ name, ...(exchangeType ? { exchangeType } : {}), ...ofType(type) });
  }

  private addDefault(): Queue {
    const { taskDefaultQueue: name, taskDefaultExchange, taskDefaultExchangeType, taskDefaultRoutingKey } = this.settings;
    return this.add({
      name,
      exchange: taskDefaultExchange ?? name,
      exchangeType: exchangeType(taskDefaultExchangeType, 'task_default_exchange_type'),
      routingKey: taskDefaultRoutingKey ?? name,
      ...ofType(this.settings.taskDefaultQueueType),
    });
  }

  private add(spec: QueueSpec): Queue {
    const queue = toQueue(spec, this.settings);
    this.byName.set(queue.name, queue);
    return queue;
  }
}

/** RabbitMQ's kinds of queues; Celery leaves the argument out for a classic one. */
function ofType(type: 'classic' | 'quorum' | undefined): Pick<QueueSpec, 'arguments'> {
  return type === 'quorum' ? { arguments: { 'x-queue-type': 'quorum' } } : {};
}

/** Fills in what a queue's name implies: exchange and routing key of the same name, direct, durable. */
function toQueue(spec: QueueSpec, settings: QueueSettings): Queue {
  const name = spec.name;
  if (typeof name !== 'string' || name === '') {
    throw new ConfigError('a queue in task_queues has no name', { hint: "write it as 'name' or as { name: 'name' }" });
  }
  const given = spec.exchange;
  const exchangeName = (typeof given === 'object' ? given.name : given) ?? name;
  const givenType = (typeof given === 'object' ? given.type : undefined) ?? spec.exchangeType;
  if (spec.broadcast === true) return broadcastQueue(name, exchangeName, givenType);
  const maxPriority = spec.maxPriority ?? settings.taskQueueMaxPriority;
  return {
    name,
    exchange: { name: exchangeName, type: exchangeType(givenType ?? 'direct', `the exchange of queue '${name}'`) },
    routingKey: spec.routingKey ?? name,
    durable: spec.durable ?? true,
    ...(spec.autoDelete === undefined ? {} : { autoDelete: spec.autoDelete }),
    ...(maxPriority === null || maxPriority === undefined ? {} : { maxPriority }),
    ...(spec.arguments === undefined ? {} : { arguments: spec.arguments }),
  };
}

/** As kombu's Broadcast: a fanout exchange of the name, and no routing key. */
function broadcastQueue(name: string, exchange: string, type: string | undefined): Queue {
  if (type !== undefined && type !== 'fanout') {
    throw new ConfigError(`the broadcast queue '${name}' has an exchange of type '${type}'`, { hint: 'leave the type out: it is fanout' });
  }
  return { name, exchange: { name: exchange, type: 'fanout' }, routingKey: '', durable: false, autoDelete: true, broadcast: true };
}

/** Reads an exchange type, in either place where one can be written. */
export function exchangeType(value: string, where: string): ExchangeType {
  if (EXCHANGE_TYPES.includes(value)) return value as ExchangeType;
  throw new ConfigError(`${where}: unknown exchange type '${value}'`, { hint: `use one of ${EXCHANGE_TYPES.join(', ')}` });
}

/** Both forms of `taskQueues`, a list and an object by name; keys in either spelling. */
function listQueues(input: unknown): QueueSpec[] {
  if (input === null || input === undefined) return [];
  if (Array.isArray(input)) return input.map((item: unknown) => queueSpec(item, undefined));
  if (typeof input === 'object') return Object.entries(input).map(([name, item]) => queueSpec(item ?? {}, name));
  throw new ConfigError(`task_queues must be a list or an object, not ${typeof input}`);
}

function queueSpec(item: unknown, name: string | undefined): QueueSpec {
  if (typeof item === 'string') return { name: item };
  if (typeof item !== 'object' || item === null) {
    throw new ConfigError(`task_queues: ${String(item)} is not a queue`, { hint: "write 'name' or { name: 'name', exchange: 'name' }" });
  }
  const spec: Record<string, unknown> = name === undefined ? {} : { name };
  for (const [key, value] of Object.entries(item)) spec[QUEUE_KEYS[key] ?? unknownKey(key)] = value;
  return spec;
}

const QUEUE_KEYS: Readonly<Record<string, keyof QueueSpec>> = Object.freeze({
  name: 'name',
  exchange: 'exchange',
  exchangeType: 'exchangeType',
  exchange_type: 'exchangeType',
  routingKey: 'routingKey',
  routing_key: 'routingKey',
  binding_key: 'routingKey',
  durable: 'durable',
  autoDelete: 'autoDelete',
  auto_delete: 'autoDelete',
  broadcast: 'broadcast',
  maxPriority: 'maxPriority',
  max_priority: 'maxPriority',
  arguments: 'arguments',
  queue_arguments: 'arguments',
});

function unknownKey(key: string): never {
  throw new ConfigError(`task_queues: unknown key '${key}'`, { hint: `a queue has ${Object.keys(QUEUE_KEYS).join(', ')}` });
}
