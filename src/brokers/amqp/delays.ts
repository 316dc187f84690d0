/**
 * Keeps messages in the server until they are due, by a ladder of 28 queues with times to live of 2^27 …
 * 1 seconds: kombu's native delayed delivery (kombu/transport/native_delayed_delivery.py), by which
 * Celery ≥ 5.5 delays tasks for quorum queues. The routing key begins with the delay as 28 binary digits;
 * where a digit is 1 the message waits on that step, where it is 0 it falls through to the next.
 *
 * Two ladders stand side by side. Celery's own leads back by routing keys, which a queue may share with
 * others; what we park is in one queue and must come back into that one alone, so ours (kombu's `prefix`)
 * ends in bindings of one queue each.
 */
import type { Queue, Route } from '../../broker.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { unlessMissing } from '../../connections/amqp/failure.js';

export const LEVELS = 28;
const HIGHEST = LEVELS - 1;
/** The longest delay, some eight and a half years; what is later comes back and is parked again. */
const LONGEST_S = 2 ** LEVELS - 1;
export const OUR_PREFIX = 'ctq_';
/** Declared last: where it is, all the others are. */
const READY_MARK = 'ctq_celery_delayed_ready';

export type DelayQueueType = 'quorum' | 'classic';

/** Whether anybody has made our ladder: one question tells. */
export async function ladderIsThere(connection: AmqpConnection): Promise<boolean> {
  return (
    (await unlessMissing(
      connection.once((channel) => channel.checkExchange(READY_MARK)),
      'missing',
    )) !== 'missing'
  );
}

export class Delays {
  readonly #queueType: DelayQueueType;
  readonly #ready = new WeakMap<AmqpConnection, Map<string, Promise<void>>>();

  constructor(queueType: DelayQueueType) {
    this.#queueType = queueType;
  }

  /** How a message comes back into this queue alone: the route for so many whole seconds, at least 1. */
  async wayBack(connection: AmqpConnection, queue: string): Promise<(seconds: number) => Route> {
    await this.#once(connection, 'ours', () => this.#ourLadder(connection));
    const word = oneWord(queue);
    await this.#once(connection, `queue ${queue}`, () =>
      connection.once(async (channel) => {
        await channel.bindQueue(queue, deliveryExchange(OUR_PREFIX), `${'*.'.repeat(LEVELS)}${word}`);
      }),
    );
    return (seconds) => {
      const level = Math.min(seconds, LONGEST_S).toString(2).length - 1;
      return { exchange: { name: levelName(OUR_PREFIX, level), type: 'topic' }, routingKey: `${digitsOf(seconds)}.${word}` };
    };
  }

  /** Declared once for good: it takes some 85 questions, and looking takes one. */
  async #ourLadder(connection: AmqpConnection): Promise<void> {
    if (await ladderIsThere(connection)) return;
    await connection.once(async (channel) => {
      await declareLadder(channel, OUR_PREFIX, this.#queueType);
      await channel.assertExchange(READY_MARK, 'fanout', { durable: true });
    });
  }

  /** What Celery's worker does at its start for quorum queues: its producers publish into this ladder without declaring it. */
  celerysLadder(connection: AmqpConnection): Promise<void> {
    return this.#once(connection, 'celery', () => connection.once((channel) => declareLadder(channel, '', this.#queueType)));
  }

  /** Leads what falls off Celery's ladder into a queue, by way of its exchange; direct ones cannot match the digits before the key. */
  leadTo(connection: AmqpConnection, { name, exchange, routingKey }: Queue): Promise<void> {
    const key = routingKey.startsWith('#') ? routingKey : `#.${routingKey}`;
    return this.#once(connection, `celery's ${name}`, () =>
      connection.once(async (channel) => {
        await channel.bindExchange(exchange.name, deliveryExchange(''), key);
        await channel.bindQueue(name, exchange.name, key);
      }),
    );
  }

  /** Into Celery's ladder as Celery publishes there: at the top, with the delay as digits before the key. */
  celerysRoute(routingKey: string, seconds: number): Route {
    return { exchange: { name: levelName('', HIGHEST), type: 'topic' }, routingKey: `${digitsOf(seconds)}.${routingKey}` };
  }

  #once(connection: AmqpConnection, what: string, work: () => Promise<void>): Promise<void> {
    const ready = this.#ready.get(connection) ?? new Map<string, Promise<void>>();
    this.#ready.set(connection, ready);
    let done = ready.get(what);
    if (done === undefined) {
      done = work();
      ready.set(what, done);
      done.catch(() => ready.delete(what));
    }
    return done;
  }
}

function digitsOf(seconds: number): string {
  return [...Math.min(seconds, LONGEST_S).toString(2).padStart(LEVELS, '0')].join('.');
}

export function levelName(prefix: string, level: number): string {
  return `${prefix}celery_delayed_${level}`;
}

/** The digits that a message had before its key while it was delayed by Celery's ladder (kombu's DELAYED_DELIVERY_PREFIX_REGEX). */
const DIGITS = new RegExp(`^(?:[01]\\.){${LEVELS}}`);

/** Whether it has come off Celery's ladder: then its key as it was sent, else undefined. */
export function keyBehindDelay({ exchange, routingKey }: { readonly exchange: string; readonly routingKey: string }): string | undefined {
  return exchange.startsWith('celery_delayed_') && DIGITS.test(routingKey) ? routingKey.replace(DIGITS, '') : undefined;
}

function deliveryExchange(prefix: string): string {
  return `${prefix}celery_delayed_delivery`;
}

/** Dots part the words of a routing key, and two words are jokers. */
export function oneWord(queue: string): string {
  return queue.replace(/[.*#%]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Step by step as kombu declares it, so that both may. */
async function declareLadder(channel: AmqpChannel, prefix: string, type: DelayQueueType): Promise<void> {
  for (let level = HIGHEST; level >= 0; level -= 1) {
    const name = levelName(prefix, level);
    await channel.assertExchange(name, 'topic', { durable: true });
    await channel.assertQueue(name, {
      durable: true,
      arguments: {
        'x-queue-type': type,
        'x-overflow': 'reject-publish',
        'x-message-ttl': 2 ** level * 1000,
        'x-dead-letter-exchange': level > 0 ? levelName(prefix, level - 1) : deliveryExchange(prefix),
        ...(type === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
      },
    });
    await channel.bindQueue(name, name, `${'*.'.repeat(HIGHEST - level)}1.#`);
  }
  for (let level = HIGHEST; level > 0; level -= 1) {
    await channel.bindExchange(levelName(prefix, level - 1), levelName(prefix, level), `${'*.'.repeat(HIGHEST - level)}0.#`);
  }
  await channel.assertExchange(deliveryExchange(prefix), 'topic', { durable: true });
  await channel.bindExchange(deliveryExchange(prefix), levelName(prefix, 0), `${'*.'.repeat(HIGHEST)}0.#`);
}
