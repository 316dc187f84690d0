/** Queues of one process alone: a worker's mailbox, replies, events. They go with it. */
import type { Exchange, Queue } from '../broker.js';
import { ConfigError } from '../errors.js';

/** How long the broker keeps what nobody fetches, where it can (AMQP). */
export interface OwnQueueLimits {
  readonly ttlS: number;
  readonly expiresS: number;
  /**
   * `transient` (default) goes with the last who takes from it; RabbitMQ can be told to allow none of these. Then it is
   * `exclusive`, which goes with the connection, or `durable`, which goes when it expires.
   */
  readonly lifetime?: OwnQueueLifetime | undefined;
}

export type OwnQueueLifetime = 'transient' | 'exclusive' | 'durable';

/** As kombu's pidbox and Celery's event receiver declare them: what is durable is not deleted with its last consumer. */
export function ownQueue(name: string, exchange: Exchange, routingKey: string, limits: OwnQueueLimits): Queue {
  const { ttlS, expiresS, lifetime = 'transient' } = limits;
  return {
    ...{ name, exchange, routingKey, durable: lifetime === 'durable', autoDelete: lifetime !== 'durable' },
    ...(lifetime === 'exclusive' ? { exclusive: true } : {}),
    arguments: { 'x-expires': Math.round(expiresS * 1000), 'x-message-ttl': Math.round(ttlS * 1000) },
  };
}

/** The settings that remote control reads for its queues. */
export interface ControlQueueSettings {
  readonly controlQueueTtl: number;
  readonly controlQueueExpires: number;
  readonly controlQueueExclusive: boolean;
  readonly controlQueueDurable: boolean;
}

/** @throws ConfigError for a queue that should be both exclusive and durable. */
export function controlQueueLimits(settings: ControlQueueSettings): OwnQueueLimits {
  const { controlQueueTtl: ttlS, controlQueueExpires: expiresS, controlQueueExclusive, controlQueueDurable } = settings;
  return { ttlS, expiresS, lifetime: lifetimeOf('control_queue', { exclusive: controlQueueExclusive, durable: controlQueueDurable }) };
}

/** The settings that receivers of events read for their queues. */
export interface EventQueueSettings {
  readonly eventQueueExpires: number;
  readonly eventQueueExclusive: boolean;
  readonly eventQueueDurable: boolean;
}

/** @throws ConfigError for a queue that should be both exclusive and durable. */
export function eventQueueLimits(settings: EventQueueSettings, ttlS: number): OwnQueueLimits {
  const { eventQueueExpires: expiresS, eventQueueExclusive: exclusive, eventQueueDurable: durable } = settings;
  return { ttlS, expiresS, lifetime: lifetimeOf('event_queue', { exclusive, durable }) };
}

function lifetimeOf(what: string, { exclusive, durable }: { readonly exclusive: boolean; readonly durable: boolean }): OwnQueueLifetime {
  if (exclusive && durable) {
    throw new ConfigError(`${what}_exclusive and ${what}_durable exclude each other`, { hint: 'leave one of them out' });
  }
  return exclusive ? 'exclusive' : durable ? 'durable' : 'transient';
}
