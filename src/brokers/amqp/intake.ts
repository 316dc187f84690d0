/**
 * The consumers of one channel: one for each queue, and how much the server may send.
 *
 * Classic queues know a limit for the whole channel, which can change at any time. Quorum queues and
 * RabbitMQ ≥ 4 know only a limit for each consumer, set when it begins: there it is a rough one, changed
 * by beginning anew when it is far off, and {@link AmqpConsumer} hands out no more than the true number.
 */
import { randomUUID } from 'node:crypto';
import type { Queue } from '../../broker.js';
import type { AmqpChannel, AmqpConnection, AmqpDelivered } from '../../connections/amqp.js';
import { isReplicated } from './topology.js';

const LARGEST_PREFETCH = 65_535;
/** RabbitMQ ≥ 3.12 lets a consumer say how long it may take: a task that runs for hours is no fault here. */
const CONSUMER_TIMEOUT_MS = 7 * 24 * 3_600_000;

export type IntakeLimits = 'for all' | 'for each';

/** What the server understands. */
export function limitsOf(connection: AmqpConnection, queues: readonly Queue[]): IntakeLimits {
  return (connection.version[0] ?? 0) >= 4 || queues.some(isReplicated) ? 'for each' : 'for all';
}

export interface IntakeParts {
  readonly channel: AmqpChannel;
  readonly limits: IntakeLimits;
  /** Now, each time it is asked. */
  readonly queues: () => readonly Queue[];
  /** How many may be unsettled; 0 takes nothing. */
  readonly wanted: () => number;
  readonly received: (queue: string, raw: AmqpDelivered) => void;
  /** The server has ended a consumer: its queue was deleted, or moves to another node. */
  readonly cancelled: (queue: string) => void;
  /** Nothing more comes of these queues. */
  readonly stopped: (queues: readonly string[]) => void;
}

export class Intake {
  readonly #parts: IntakeParts;
  /** Queue → consumer tag. */
  readonly #tags = new Map<string, string>();
  #limits: IntakeLimits;
  /** What the server was last told. */
  #told = 0;
  #adjusting: Promise<void> | undefined;
  #again = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#limits = parts.limits;
  }

  /** Makes the server's view that of ours; resolves when it is. Calls made meanwhile are served together. */
  adjust(): Promise<void> {
    this.#again = true;
    this.#adjusting ??= this.#adjustUntilRight();
    return this.#adjusting;
  }

  /** The server has ended it by itself. */
  forget(queue: string): void {
    this.#tags.delete(queue);
  }

  async #adjustUntilRight(): Promise<void> {
    // Not in this turn, for the promise is kept only after this call.
    await Promise.resolve();
    try {
      while (this.#again) {
        this.#again = false;
        await this.#adjustOnce();
      }
    } finally {
      // Here and not behind the promise: whoever calls between the two would wait for what is over.
      this.#adjusting = undefined;
    }
  }

  async #adjustOnce(): Promise<void> {
    const queues = this.#parts.queues();
    const wanted = Math.min(this.#parts.wanted(), LARGEST_PREFETCH);
    if (this.#limits === 'for all' && queues.some(isReplicated)) await this.#limitEach();
    const names = queues.map(({ name }) => name);
    await this.#stop([...this.#tags.keys()].filter((name) => wanted === 0 || !names.includes(name)));
    if (wanted > 0) await this.#begin(names, wanted);
  }

  async #begin(names: readonly string[], wanted: number): Promise<void> {
    const { channel } = this.#parts;
    const limit = this.#limits === 'for all' ? wanted : Math.ceil(wanted / Math.max(names.length, 1));
    if (this.#limits === 'for all') {
      if (limit !== this.#told) await channel.prefetch(limit, true);
      this.#told = limit;
    } else if (limit > this.#told || limit * 2 < this.#told) {
      // As much again to spare, so that a limit that climbs does not begin anew with each step.
      this.#told = Math.min(limit === 1 ? 1 : Math.ceil(limit * 1.5), LARGEST_PREFETCH);
      await channel.prefetch(this.#told, false);
      const old = [...this.#tags];
      this.#tags.clear();
      await this.#consume(names);
      for (const [, tag] of old) await channel.cancel(tag);
    }
    await this.#consume(names.filter((name) => !this.#tags.has(name)));
  }

  async #consume(names: readonly string[]): Promise<void> {
    const { channel, received, cancelled } = this.#parts;
    for (const name of names) {
      const consumerTag = `ctq-${randomUUID()}`;
      this.#tags.set(name, consumerTag);
      const listener = (raw: AmqpDelivered | null): void => {
        if (raw !== null) received(name, raw);
        else if (this.#tags.get(name) === consumerTag) cancelled(name);
      };
      await channel.consume(name, listener, { consumerTag, noAck: false, arguments: { 'x-consumer-timeout': CONSUMER_TIMEOUT_MS } });
    }
  }

  async #limitEach(): Promise<void> {
    await this.#stop([...this.#tags.keys()]);
    await this.#parts.channel.prefetch(0, true);
    this.#limits = 'for each';
    this.#told = 0;
  }

  async #stop(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const tag = this.#tags.get(name);
      this.#tags.delete(name);
      if (tag !== undefined) await this.#parts.channel.cancel(tag);
    }
    if (names.length > 0) this.#parts.stopped(names);
  }
}
