/**
 * How often a message of a classic queue came back because whoever had it was lost. Such a queue only flags what was
 * delivered before, so each time a flagged message is taken a mark goes into a small queue of that message's own before
 * its task may begin, and the mark is there when it has taken the worker with it. The message itself stays where it is.
 * Who gives it back unharmed takes its mark along; any other answer removes them all.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../clock.js';
import { answeredWithin } from '../../time-limit.js';
import type { AmqpConfirmChannel, AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { AmqpLink } from '../../connections/amqp/link.js';
import type { Logger } from '../../logger.js';
import type { Message } from '../../protocol/message.js';

const PREFIX = 'ctq.deaths.';
/** Marks of a message that nobody took again: its queue was deleted, or purged. Classic, whatever the virtual host prefers. */
const QUEUE = { durable: true, expires: 24 * 3_600_000, arguments: { 'x-queue-type': 'classic' } } as const;
/** A task waits no longer for being counted. */
const LIMIT_MS = 4_000;
/**
 * To declare a queue takes the server milliseconds. What killed a worker had begun, so it is among the first that come back;
 * behind so many there may be a whole queue that somebody has only looked at, which must not be drained at this pace.
 */
const AT_ONCE = 500;
const PER_SECOND = 50;
const NOTHING = Buffer.alloc(0);

export interface DeathsParts {
  readonly link: AmqpLink;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Opened {
  readonly connection: AmqpConnection;
  readonly channel: Promise<AmqpConfirmChannel>;
}

export class Deaths {
  readonly #parts: DeathsParts;
  #opened: Opened | undefined;
  /** This user may not declare such queues. */
  #refused = false;
  /** Where we have put a mark, or are about to: how many are there with ours, undefined when it is gone or could not be put. */
  readonly #marks = new Map<string, Promise<number | undefined>>();
  #left = AT_ONCE;
  #leftAtMs = 0;

  constructor(parts: DeathsParts) {
    this.#parts = parts;
  }

  /** Where a flagged message is to be counted; undefined when it is not, or when nothing tells it from others. */
  placeFor(queue: string, message: Message): string | undefined {
    // A server that is short of memory reads nothing from this connection.
    if (this.#refused || this.#parts.link.now?.blocked !== undefined || !this.#mayCount()) return undefined;
    return deathsQueue(queue, message);
  }

  /** How often it came back by now, this time included; 1 when that cannot be found out. */
  async count(place: string): Promise<number> {
    let count = 1;
    const marking = this.#then(place, () => this.#mark(place)).then((marks) => {
      count = marks ?? 1;
    });
    await answeredWithin(this.#parts.clock, LIMIT_MS, marking);
    return count;
  }

  /** It goes back, and nobody died of it this time. Resolves as soon as others may be given it. */
  async takeBack(place: string): Promise<void> {
    const taking = this.#then(place, async (marks) => {
      if (marks === undefined) return undefined;
      // To get from a queue that is gone would close the channel.
      await this.#ask((channel) => Promise.all([channel.assertQueue(place, QUEUE), channel.get(place, { noAck: true })]));
      return undefined;
    });
    await answeredWithin(this.#parts.clock, LIMIT_MS, taking);
  }

  /** It was answered for good. Marks that stay because of a lost connection expire. */
  forget(place: string): void {
    void this.#then(place, async () => {
      if (!this.#refused) await this.#ask((channel) => channel.deleteQueue(place));
      return undefined;
    });
  }

  /** Resolves when all that was begun is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#marks.values());
  }

  /** What is done at one place is done in order. */
  #then(place: string, work: (marks: number | undefined) => Promise<number | undefined>): Promise<number | undefined> {
    const before = this.#marks.get(place) ?? Promise.resolve(undefined);
    const after = before.then(work).catch(() => undefined);
    this.#marks.set(place, after);
    void after.then((marks) => {
      if (marks === undefined && this.#marks.get(place) === after) this.#marks.delete(place);
    });
    return after;
  }

  async #mark(place: string): Promise<number | undefined> {
    try {
      // Not again when the connection breaks: that would be two.
      const channel = await this.#channelOf(await this.#parts.link.connection(LIMIT_MS));
      const { messageCount } = await channel.assertQueue(place, QUEUE);
      await new Promise<void>((resolve, reject) => {
        channel.publish('', place, NOTHING, { persistent: false }, (error: unknown) => {
          if (error === null || error === undefined) resolve();
          else reject(toAmqpFailure(error));
        });
      });
      return messageCount + 1;
    } catch (error) {
      const failure = toAmqpFailure(error);
      if (failure.kind === 'refused' && !this.#refused) {
        this.#refused = true;
        this.#parts.logger.warning('How often a message takes its worker with it is not counted in classic queues: %s', failure.message);
      }
      return undefined;
    }
  }

  #ask<T>(work: (channel: AmqpConfirmChannel) => Promise<T>): Promise<T> {
    return this.#parts.link.ask(async (connection) => work(await this.#channelOf(connection)));
  }

  /** One for all: after a broken connection many come back at once. */
  #channelOf(connection: AmqpConnection): Promise<AmqpConfirmChannel> {
    if (this.#opened?.connection !== connection) {
      const opened = { connection, channel: connection.confirmChannel() };
      const gone = (): void => {
        if (this.#opened === opened) this.#opened = undefined;
      };
      this.#opened = opened;
      opened.channel.then((channel) => channel.on('close', gone), gone);
    }
    return this.#opened.channel;
  }

  #mayCount(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    this.#left = Math.min(AT_ONCE, this.#left + ((nowMs - this.#leftAtMs) * PER_SECOND) / 1_000);
    this.#leftAtMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** The queue for a message's marks; undefined for one that nothing tells from others. A retry is another message. */
export function deathsQueue(queue: string, { headers, properties }: Message): string | undefined {
  const id = headers['id'] ?? properties.correlationId;
  if (typeof id !== 'string') return undefined;
  return (
    PREFIX +
    createHash('sha1')
      .update(JSON.stringify([queue, id, headers['retries'] ?? 0]))
      .digest('hex')
  );
}

export function isDeathsQueue(queue: string): boolean {
  return queue.startsWith(PREFIX);
}
