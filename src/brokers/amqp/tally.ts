/**
 * How often a message of a classic queue came back because whoever had it was lost. Such a queue only flags what was
 * delivered before, so each time a flagged message is taken a mark goes into a small queue of that message's own before
 * its task may begin, and the marks are there when it has taken the worker with it. The message itself stays where it is;
 * an answer of any kind removes the marks.
 */
import { createHash } from 'node:crypto';
import { type Clock, within } from '../../clock.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp-failure.js';
import type { AmqpLink } from '../../connections/amqp-link.js';
import type { Message } from '../../protocol/message.js';
import type { Publisher } from './publisher.js';

const TALLY = 'ctq.tally.';
/** Marks of a message that nobody took again: its queue was deleted, or purged. */
const EXPIRES_MS = 24 * 3_600_000;
/** A task waits no longer for being counted. */
const LIMIT_MS = 4_000;

const MARK: Message = {
  headers: {},
  properties: { deliveryMode: 1 },
  contentType: 'application/data',
  contentEncoding: 'binary',
  body: new Uint8Array(0),
};

export interface TallyParts {
  readonly link: AmqpLink;
  readonly publisher: Publisher;
  readonly clock: Clock;
}

export class Tally {
  readonly #parts: TallyParts;
  #opened: { readonly connection: AmqpConnection; readonly channel: Promise<AmqpChannel> } | undefined;
  /** This user may not declare such queues. */
  #refused = false;

  constructor(parts: TallyParts) {
    this.#parts = parts;
  }

  /** How often it came back by now, this time included; 1 when that cannot be found out. */
  async count(name: string): Promise<number> {
    let count = 1;
    const counting = this.#mark(name).then((marks) => {
      count = marks;
    });
    if (!this.#refused) await within(this.#parts.clock, LIMIT_MS, counting);
    return count;
  }

  /** It was answered. Marks that stay because of a lost connection expire. */
  forget(name: string): void {
    this.#opened?.channel.then((channel) => channel.deleteQueue(name)).catch(() => {});
  }

  async #mark(name: string): Promise<number> {
    if (this.#refused) return 1;
    try {
      const { messageCount } = await this.#parts.link.ask(async (connection) => {
        const channel = await this.#channelOf(connection);
        return channel.assertQueue(name, { durable: true, expires: EXPIRES_MS });
      });
      await this.#parts.publisher.publish(MARK, { exchange: { name: '', type: 'direct' }, routingKey: name });
      return messageCount + 1;
    } catch (error) {
      this.#opened = undefined;
      this.#refused = toAmqpFailure(error).kind === 'refused';
      return 1;
    }
  }

  /** One for all: after a broken connection many come back at once. */
  #channelOf(connection: AmqpConnection): Promise<AmqpChannel> {
    if (this.#opened?.connection !== connection) this.#opened = { connection, channel: connection.channel() };
    return this.#opened.channel;
  }
}

/** The queue for a message's marks; undefined for one that nothing tells from others. A retry is another message. */
export function tallyQueue(queue: string, { headers, properties }: Message): string | undefined {
  const id = headers['id'] ?? properties.correlationId;
  if (typeof id !== 'string') return undefined;
  return (
    TALLY +
    createHash('sha1')
      .update(JSON.stringify([queue, id, headers['retries'] ?? 0]))
      .digest('hex')
  );
}

export function isTally(queue: string): boolean {
  return queue.startsWith(TALLY);
}
