/**
 * Broadcast queues: each worker hears a copy of every message, through a queue of its own that goes when it goes
 * (kombu's Broadcast). Nobody keeps a message for a worker that is away, so there is nothing to acknowledge.
 */
import { randomUUID } from 'node:crypto';
import type { Broker, Delivery, Queue, Settled, Subscription } from '../broker.js';
import type { Clock } from '../clock.js';
import { MessageStateError } from '../errors.js';
import { DEFAULT_EXCHANGE } from '../routing/queues.js';
import type { Logger } from '../logger.js';
import type { Message } from '../protocol/message.js';

/** A broker that refuses is asked again. */
const TRY_AGAIN_MS = 5_000;
/** What goes back comes back to this very worker: not at once, or it would turn in a circle. */
const AGAIN_AFTER_MS = 200;

export interface BroadcastsParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those among them that are broadcast ones. */
  readonly queues: readonly Queue[];
  readonly deliver: (delivery: Delivery) => void;
}

export class Broadcasts {
  readonly #parts: BroadcastsParts;
  readonly #queues: readonly Queue[];
  #subscriptions: Subscription[] = [];
  #closed = false;

  constructor(parts: BroadcastsParts) {
    this.#parts = parts;
    this.#queues = parts.queues.filter(({ broadcast }) => broadcast === true);
  }

  /** To be taken from as well: whoever knows only the name of the queue sends there, as `ctq send -Q` without a config file does. */
  get byName(): readonly Queue[] {
    return this.#queues.map(({ name }) => ({ name, exchange: DEFAULT_EXCHANGE, routingKey: name, durable: true }));
  }

  /** Tells everybody what came by name; the rest comes back. */
  passOn(batch: readonly Delivery[]): readonly Delivery[] {
    if (this.none) return batch;
    return batch.filter((delivery) => {
      const queue = this.#queues.find(({ name }) => name === delivery.queue);
      if (queue !== undefined) void this.#tellAll(queue, delivery);
      return queue === undefined;
    });
  }

  /** What is heard, for people: the workers' own queues have names that tell nothing. */
  get queues(): readonly Queue[] {
    return this.#queues;
  }

  get none(): boolean {
    return this.#queues.length === 0;
  }

  /** Resolves when they are heard, or have been refused once. */
  async open(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => this.#listen(queue)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#subscriptions.splice(0).map((one) => one.close().catch(() => {}))); // Its broker may be away.
  }

  async #tellAll(queue: Queue, delivery: Delivery): Promise<void> {
    const { broker, logger } = this.#parts;
    try {
      await broker.publish(delivery.message, { exchange: queue.exchange, routingKey: queue.routingKey });
      await delivery.ack();
    } catch (error) {
      logger.error(
        'A message for the broadcast queue %s goes back: %s',
        queue.name,
        error instanceof Error ? error.message : String(error),
      );
      await delivery.requeue('front').catch(() => {}); // Its broker is away, and gives it to another.
    }
  }

  async #listen(queue: Queue): Promise<void> {
    if (this.#closed) return;
    const { broker, clock, logger } = this.#parts;
    const own: Queue = {
      name: `bcast.${randomUUID()}`,
      exchange: queue.exchange,
      routingKey: queue.routingKey,
      durable: false,
      autoDelete: true,
    };
    try {
      const subscription = await broker.subscribe(own, (message) => this.#hand(message, queue.name, 0));
      if (this.#closed) await subscription.close();
      else this.#subscriptions.push(subscription);
    } catch (error) {
      logger.error('The broadcast queue %s cannot be heard: %s', queue.name, error instanceof Error ? error.message : String(error));
      clock.setTimeout(() => void this.#listen(queue), TRY_AGAIN_MS).unref();
    }
  }

  #hand(message: Message, queue: string, count: number): void {
    if (this.#closed) return;
    const again = (delayMs: number, redeliveryCount: number): void => {
      this.#parts.clock.setTimeout(() => this.#hand(message, queue, redeliveryCount), Math.max(delayMs, 0)).unref();
    };
    this.#parts.deliver(new BroadcastDelivery(message, queue, count, again, this.#parts.clock));
  }
}

/** A copy that is ours alone: what goes back comes back here. */
class BroadcastDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly deliveryTag = randomUUID();
  readonly redeliveryCount: number;
  readonly fenced = false;
  readonly #again: (delayMs: number, redeliveryCount: number) => void;
  readonly #clock: Clock;
  #settled = false;

  constructor(message: Message, queue: string, count: number, again: (delayMs: number, redeliveryCount: number) => void, clock: Clock) {
    this.message = message;
    this.queue = queue;
    this.redeliveryCount = count;
    this.#again = again;
    this.#clock = clock;
  }

  get redelivered(): boolean {
    return this.redeliveryCount > 0;
  }

  ack(): Promise<Settled> {
    return this.#settle();
  }

  async requeue(): Promise<Settled> {
    const settled = await this.#settle();
    this.#again(AGAIN_AFTER_MS, Math.max(this.redeliveryCount, 1));
    return settled;
  }

  reject(): Promise<Settled> {
    return this.#settle();
  }

  async park(dueAt: Date): Promise<Settled> {
    const settled = await this.#settle();
    this.#again(dueAt.getTime() - this.#clock.nowMs(), this.redeliveryCount);
    return settled;
  }

  async #settle(): Promise<Settled> {
    if (this.#settled) throw new MessageStateError(`the broadcast message ${this.deliveryTag} was settled twice`);
    this.#settled = true;
    return 'settled';
  }
}
