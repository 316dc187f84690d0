/**
 * Later tasks for quorum queues wait in the server, as Celery ≥ 5.5 lets them (celery/app/base.py, `send_task`;
 * celery/worker/consumer/delayed_delivery.py): whoever sends publishes into Celery's ladder of queues, and whoever
 * consumes declares it and leads from it to their exchanges. Ours declares and leads as a sender, too, so that a
 * task is never published to where nobody has been yet. Where Celery warns that a direct exchange cannot have this,
 * ours goes by our own ladder, which leads to one queue.
 */
import type { Queue, Route } from '../../broker.js';
import type { Clock } from '../../clock.js';
import type { AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { AmqpLink } from '../../connections/amqp/link.js';
import type { Logger } from '../../logger.js';
import { parseIsoDate } from '../../protocol/iso-date.js';
import type { Message } from '../../protocol/message.js';
import { bindingMatches } from '../binding.js';
import type { Delays } from './delays.js';
import { isQuorum, type Topology } from './topology.js';
import { readdressed } from './wire.js';

export interface NativeDelayParts {
  readonly link: AmqpLink;
  readonly topology: Topology;
  readonly delays: Delays;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those of the settings. */
  readonly queues: readonly Queue[];
}

export class NativeDelay {
  readonly #parts: NativeDelayParts;
  readonly #known: Map<string, Queue>;
  /** One is enough, as with Celery: then all queues take part. */
  #usesQuorum: boolean;
  /** We may not declare it, and it has been said. */
  #refused = false;

  constructor(parts: NativeDelayParts) {
    this.#parts = parts;
    this.#known = new Map(parts.queues.map((queue) => [queue.name, queue]));
    this.#usesQuorum = parts.queues.some(isQuorum);
  }

  /** A queue that somebody sends to, or takes from. */
  learn(queue: Queue): void {
    this.#known.set(queue.name, queue);
    if (isQuorum(queue)) this.#usesQuorum = true;
  }

  /** When the server is to deliver it; undefined for what is sent straight on: it is due, or no ladder leads to its queue. */
  dueOf({ headers }: Message, route: Route): number | undefined {
    if (!this.#usesQuorum || this.#refused) return undefined;
    const { eta, task } = headers;
    if (typeof eta !== 'string' || typeof task !== 'string') return undefined;
    const dueAtMs = parseIsoDate(eta)?.getTime();
    if (dueAtMs === undefined || this.#secondsTo(dueAtMs) < 1) return undefined;
    return this.#quorumQueue(route) === undefined && this.#readersOf(route).length === 0 ? undefined : dueAtMs;
  }

  /** The message and its route by way of a ladder; as they were given when none can be had, or it is not worth it any more. */
  async byLadder(message: Message, route: Route, dueAtMs: number): Promise<readonly [Message, Route]> {
    const { link, delays } = this.#parts;
    const queue = this.#quorumQueue(route);
    try {
      if (queue === undefined) {
        await link.ask((connection) => this.#lead(connection, this.#readersOf(route)));
        const seconds = this.#secondsTo(dueAtMs);
        return [message, seconds < 1 ? route : delays.celerysRoute(route.routingKey, seconds)];
      }
      const way = await link.ask((connection) => delays.wayBack(connection, queue));
      const seconds = this.#secondsTo(dueAtMs);
      if (seconds < 1) return [message, route];
      const deliveryInfo = { exchange: '', routingKey: queue };
      return [readdressed({ ...message, properties: { ...message.properties, deliveryInfo } }, { dueAtMs }), way(seconds)];
    } catch (error) {
      this.#doWithout(error);
      return [message, route];
    }
  }

  /** What a worker owes to those who send to its queues. */
  async serve(connection: AmqpConnection, queues: readonly Queue[]): Promise<void> {
    for (const queue of queues) this.learn(queue);
    if (!this.#usesQuorum) return;
    try {
      await this.#lead(connection, queues.filter(isReached));
    } catch (error) {
      this.#doWithout(error);
    }
  }

  async #lead(connection: AmqpConnection, queues: readonly Queue[]): Promise<void> {
    const { topology, delays } = this.#parts;
    await delays.celerysLadder(connection);
    for (const queue of queues) {
      await topology.declare(connection, queue);
      await delays.leadTo(connection, queue);
    }
  }

  /** Whoever may not declare queues still sends and takes tasks. */
  #doWithout(error: unknown): void {
    const failure = toAmqpFailure(error);
    if (failure.kind !== 'failed' && failure.kind !== 'refused' && failure.kind !== 'missing') throw failure;
    if (!this.#refused)
      this.#parts.logger.warning('The queues for delayed tasks cannot be had, so tasks wait in the workers: %s', failure.message);
    this.#refused = true;
  }

  /** Sent to by its name, as Celery sends by a direct exchange: there is a ladder for that, too, and it is ours. */
  #quorumQueue({ exchange, routingKey }: Route): string | undefined {
    const queue = exchange.name === '' ? this.#known.get(routingKey) : undefined;
    return queue !== undefined && isQuorum(queue) ? queue.name : undefined;
  }

  /** Those that an exchange leads to which can match the digits before a key. */
  #readersOf({ exchange, routingKey }: Route): readonly Queue[] {
    return [...this.#known.values()].filter(
      (queue) => isReached(queue) && queue.exchange.name === exchange.name && bindingMatches(exchange.type, queue.routingKey, routingKey),
    );
  }

  /** Whole ones, as Celery counts them. */
  #secondsTo(dueAtMs: number): number {
    return Math.floor((dueAtMs - this.#parts.clock.nowMs()) / 1000);
  }
}

/** By way of an exchange that can match the digits before a key; Celery leaves direct ones out, too. */
function isReached({ exchange, broadcast }: Queue): boolean {
  return exchange.name !== '' && exchange.type !== 'direct' && broadcast !== true;
}
