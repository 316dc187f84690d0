/**
 * No-ack listeners on queues of their own: remote control, replies, events. All of a broker's share one
 * connection, and are there again after it broke; what was said meanwhile they have missed.
 */
import type { Queue, Subscription } from '../../broker.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { AmqpLink } from '../../connections/amqp/link.js';
import type { Logger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';
import type { Topology } from './topology.js';
import { decodeDelivered } from './wire.js';

export interface SubscriptionsParts {
  readonly link: () => AmqpLink;
  readonly topology: Topology;
  readonly logger: Logger;
}

export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  readonly #listeners = new Set<Listener>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  async add(queue: Queue, onMessage: (message: Message) => void): Promise<Subscription> {
    const listener = new Listener(this.#parts, queue, onMessage);
    await this.#parts.link().ask((connection) => listener.listen(connection));
    this.#listeners.add(listener);
    return {
      close: async () => {
        this.#listeners.delete(listener);
        await listener.close();
      },
    };
  }

  /** On each new connection, before anybody else uses it. */
  async restore(connection: AmqpConnection): Promise<void> {
    for (const listener of this.#listeners) await listener.listen(connection);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners].map((listener) => listener.close()));
    this.#listeners.clear();
  }
}

class Listener {
  readonly #parts: SubscriptionsParts;
  readonly #queue: Queue;
  readonly #onMessage: (message: Message) => void;
  #channel: AmqpChannel | undefined;
  #closed = false;

  constructor(parts: SubscriptionsParts, queue: Queue, onMessage: (message: Message) => void) {
    this.#parts = parts;
    this.#queue = queue;
    this.#onMessage = onMessage;
  }

  async listen(connection: AmqpConnection): Promise<void> {
    if (this.#closed) return;
    const { topology, logger } = this.#parts;
    await topology.declare(connection, this.#queue);
    const channel = await connection.channel();
    channel.on('close', () => {
      if (this.#channel !== channel || this.#closed) return;
      this.#channel = undefined;
      connection.abandonSoon(toAmqpFailure(new Error('the channel was closed')));
    });
    this.#channel = channel;
    await channel.consume(
      this.#queue.name,
      (raw) => {
        if (this.#channel !== channel) return;
        if (raw !== null) this.#onMessage(decodeDelivered(raw).message);
        else {
          // Its queue expired or was deleted while we were here.
          logger.debug("The queue '%s' is gone; it is declared again", this.#queue.name);
          this.listen(connection).catch((error: unknown) => connection.abandon(toAmqpFailure(error)));
        }
      },
      { noAck: true },
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    const channel = this.#channel;
    this.#channel = undefined;
    // Without its only consumer an auto-delete queue goes away.
    await channel?.close().catch(() => {});
  }
}
