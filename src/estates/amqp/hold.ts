/**
 * Messages of one queue in our hands. AMQP shows a message only by handing it over: what is looked at here is
 * taken without an acknowledgement and given back, so that whatever dies meanwhile nothing is lost. It goes
 * back to where it was, and is marked as redelivered from then on.
 */
import { DELIVERY_COUNT_HEADER, decodeDelivered, REASON_HEADER } from '../../brokers/amqp/wire.js';
import { systemClock } from '../../clock.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { MessagePlace, StoredMessage } from '../../estate/messages.js';
import { encodeEnvelope } from '../../protocol/envelope.js';
import type { Message } from '../../protocol/message.js';
import { isRecord } from '../../protocol/record.js';
import { publishedAt } from '../stored.js';

/** A message in our hands. */
export interface Taken {
  readonly tag: number;
  readonly queue: string;
  readonly message: Message;
  readonly dueAtMs: number;
  /** Of a dead letter. */
  readonly reason: string | undefined;
  /** How its queue leads to it now, whoever sent it where. */
  readonly routingKey: string;
  /** How often a quorum queue got it back. */
  readonly deliveryCount: number;
}

export class Hold {
  readonly queue: string;
  /** How many were there at the beginning: what comes later was not asked for. */
  readonly total: number;
  readonly #connection: AmqpConnection;
  readonly #channel: AmqpChannel;
  /** Puts what went wrong into words. */
  readonly #told: (error: unknown) => Error;
  #taken = 0;
  #dropped = 0;
  #broken = false;

  private constructor(parts: HoldParts, total: number, channel: AmqpChannel) {
    this.queue = parts.queue;
    this.total = total;
    this.#connection = parts.connection;
    this.#channel = channel;
    this.#told = parts.told;
    channel.on('close', () => {
      this.#broken = true;
    });
  }

  /** @throws AmqpFailure of the kind `missing` when there is no such queue. */
  static async open(parts: HoldParts): Promise<Hold> {
    const channel = await parts.connection.channel();
    const { messageCount } = await channel.checkQueue(parts.queue);
    return new Hold(parts, messageCount, channel);
  }

  /** How many were taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /** The connection is gone, and what was in our hands is in the queue again. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The next one in the order of serving; undefined when there is none, or only such as came later. */
  async next(): Promise<Taken | undefined> {
    if (this.#taken >= this.total) return undefined;
    const raw = await this.#channel.get(this.queue, { noAck: false }).catch((error: unknown) => {
      throw this.#told(error);
    });
    if (raw === false) return undefined;
    this.#taken += 1;
    const { message, dueAtMs } = decodeDelivered(raw);
    const headers: Readonly<Record<string, unknown>> = isRecord(raw.properties.headers) ? raw.properties.headers : {};
    const reason = headers[REASON_HEADER];
    const count = headers[DELIVERY_COUNT_HEADER];
    return {
      tag: raw.fields.deliveryTag,
      queue: this.queue,
      message: reason === undefined ? message : withoutReason(message),
      dueAtMs,
      reason: typeof reason === 'string' ? reason : undefined,
      routingKey: raw.fields.routingKey,
      deliveryCount: typeof count === 'number' ? count : 0,
    };
  }

  /** This one is not to come back. */
  drop({ tag }: Taken): void {
    try {
      this.#channel.ack({ fields: { deliveryTag: tag } } as Parameters<AmqpChannel['ack']>[0]);
    } catch (error) {
      throw this.#told(error);
    }
    this.#dropped += 1;
  }

  /**
   * Ends it: what was not dropped goes back. By the end of the channel, for a quorum queue puts what is given back
   * by word behind all the others. Resolves when the queue has it.
   */
  async giveBack(): Promise<void> {
    if (this.#broken) return;
    const open = this.#taken - this.#dropped;
    try {
      // Answered behind the acknowledgements.
      if (this.#dropped > 0) await this.#channel.checkQueue(this.queue);
      await this.#channel.close();
      if (open > 0) await this.#untilBack(open);
    } catch (error) {
      const failure = toAmqpFailure(error);
      // Nothing that was acknowledged before may be in doubt; what goes back does so by itself.
      if (this.#dropped > 0 && failure.kind !== 'missing') throw this.#told(failure);
    }
  }

  /** A quorum queue hears of a channel's end a little later than we do; a worker may have been faster than it. */
  async #untilBack(count: number): Promise<void> {
    const deadlineMs = systemClock.monotonicMs() + BACK_LIMIT_MS;
    do {
      const { messageCount } = await this.#connection.once((channel) => channel.checkQueue(this.queue));
      if (messageCount >= count) return;
      await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 10));
    } while (systemClock.monotonicMs() < deadlineMs);
  }
}

export interface HoldParts {
  readonly connection: AmqpConnection;
  readonly queue: string;
  readonly told: (error: unknown) => Error;
}

const BACK_LIMIT_MS = 500;

/** As the rest of ctq knows messages; its bytes are those that Redis would have. */
export function storedMessage(taken: Taken, place: MessagePlace, position: number): StoredMessage {
  const { message, queue, dueAtMs } = taken;
  return {
    ...{ queue, place, position, message },
    priority: message.properties.priority ?? 0,
    raw: Buffer.from(encodeEnvelope(message), 'utf8'),
    ...publishedAt(message),
    ...(dueAtMs > 0 ? { dueAtMs } : {}),
  };
}

function withoutReason(message: Message): Message {
  const { [REASON_HEADER]: _reason, ...headers } = message.headers;
  return { ...message, headers };
}
