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
import { toAmqpFailure } from '../../connections/amqp-failure.js';

export const LEVELS = 28;
const HIGHEST = LEVELS - 1;
/** The longest delay, some eight and a half years; what is later comes back and is parked again. */
const LONGEST_S = 2 ** LEVELS - 1;
export const OUR_PREFIX = 'ctq_';
/** Declared last: where it is, all the others are. */
export const READY_MARK = 'ctq_celery_delayed_ready';

export type DelayQueueType = 'quorum' | 'classic';

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
      const digits = Math.min(seconds, LONGEST_S).toString(2);
      return {
        exchange: { name: levelName(OUR_PREFIX, digits.length - 1), type: 'topic' },
        routingKey: `${[...digits.padStart(LEVELS, '0')].join('.')}.${word}`,
      };
    };
  }

  /** Declared once for good: it takes some 85 questions, and looking takes one. */
  async #ourLadder(connection: AmqpConnection): Promise<void> {
    const there = await connection
      .once((channel) => channel.checkExchange(READY_MARK))
      .then(
        () => true,
        (error: unknown) => {
          if (toAmqpFailure(error).kind === 'missing') return false;
          throw error;
        },
      );
    if (there) return;
    await connection.once(async (channel) => {
      await declareLadder(channel, OUR_PREFIX, this.#queueType);
      await channel.assertExchange(READY_MARK, 'fanout', { durable: true });
    });
  }

  /** What Celery's worker does at its start for quorum queues: its producers publish into this ladder without declaring it. */
  async serveCelery(connection: AmqpConnection, queues: readonly Queue[]): Promise<void> {
    await this.#once(connection, 'celery', () => connection.once((channel) => declareLadder(channel, '', this.#queueType)));
    for (const { name, exchange, routingKey } of queues) {
      // Direct exchanges cannot match the digits before the key; Celery leaves them out, too.
      if (exchange.name === '' || exchange.type === 'direct') continue;
      const key = routingKey.startsWith('#') ? routingKey : `#.${routingKey}`;
      await connection.once(async (channel) => {
        await channel.bindExchange(exchange.name, deliveryExchange(''), key);
        await channel.bindQueue(name, exchange.name, key);
      });
    }
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

export function levelName(prefix: string, level: number): string {
  return `${prefix}celery_delayed_${level}`;
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
