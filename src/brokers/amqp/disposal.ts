/** What becomes of messages that are not simply acknowledged: each is published again first, and answered for afterwards. */
import type { Clock } from '../../clock.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { AmqpLink } from '../../connections/amqp/link.js';
import type { Logger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import type { AmqpDelivery } from './delivery.js';
import type { Delays } from './delays.js';
import type { Publisher } from './publisher.js';
import type { Topology } from './topology.js';
import { deadLetter, deadLetterQueue, readdressed } from './wire.js';

export interface DisposalParts {
  readonly link: AmqpLink;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly delays: Delays;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DEFAULT_EXCHANGE = { name: '', type: 'direct' } as const;

export class Disposal {
  readonly #parts: DisposalParts;
  /** The server cannot keep messages until they are due, and it has been said. */
  #cannotDelay = false;

  constructor(parts: DisposalParts) {
    this.#parts = parts;
  }

  /** To the back of its queue. */
  sendBack({ message, queue }: AmqpDelivery, redeliveries: number, dueAtMs?: number): Promise<void> {
    return this.#toQueue(readdressed(message, { redeliveries, ...(dueAtMs === undefined ? {} : { dueAtMs }) }), queue);
  }

  /** Lets the server keep it; `here` when it is due within a second, or the server cannot. */
  async delay({ message, queue, redeliveryCount }: AmqpDelivery, dueAtMs: number): Promise<'there' | 'here'> {
    const { link, publisher, delays, logger } = this.#parts;
    if (this.#cannotDelay || this.#secondsTo(dueAtMs) < 1) return 'here';
    try {
      const way = await link.ask((connection) => delays.wayBack(connection, queue));
      // To make the way ready took its time.
      const seconds = this.#secondsTo(dueAtMs);
      if (seconds < 1) return 'here';
      await publisher.publish(readdressed(message, { redeliveries: redeliveryCount, dueAtMs }), way(seconds));
      return 'there';
    } catch (error) {
      const failure = toAmqpFailure(error);
      if (failure.kind !== 'failed' && failure.kind !== 'refused' && failure.kind !== 'missing') throw error;
      this.#cannotDelay = true;
      logger.warning('The broker cannot keep tasks until they are due, so they wait in the worker: %s', failure.message);
      return 'here';
    }
  }

  /** Among the dead letters of its queue, with the reason. */
  async bury({ message, queue }: AmqpDelivery, reason: string): Promise<void> {
    const { link, topology, logger } = this.#parts;
    const grave = deadLetterQueue(queue);
    try {
      await link.ask((connection) => topology.declare(connection, grave));
      await this.#toQueue(deadLetter(message, reason), grave.name);
    } catch (error) {
      // Who may not keep a copy loses it as with Celery: to the dead-letter exchange of the queue, or to nobody.
      logger.error('A rejected message of queue %s could not be kept: %s', queue, toAmqpFailure(error).message);
    }
  }

  #secondsTo(dueAtMs: number): number {
    return Math.floor((dueAtMs - this.#parts.clock.nowMs()) / 1000);
  }

  #toQueue(message: Message, queue: string): Promise<void> {
    return this.#parts.publisher.publish(message, { exchange: DEFAULT_EXCHANGE, routingKey: queue });
  }
}
