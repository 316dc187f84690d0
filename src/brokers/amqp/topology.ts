/** Declares exchanges, queues and bindings as kombu does, so that neither side's declaration breaks the other's. */
import type { Exchange, Queue } from '../../broker.js';
import type { AmqpChannel, AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { Logger } from '../../logger.js';

const PRECONDITION_FAILED = 406;

/** What kind of queue the arguments ask for; what an operator's policy makes of it is not known here. */
export function isReplicated(queue: Queue): boolean {
  const type = queue.arguments?.['x-queue-type'];
  return type === 'quorum' || type === 'stream';
}

/** As Celery finds them (celery/utils/quorum_queues.py). */
export function isQuorum(queue: Queue): boolean {
  return queue.arguments?.['x-queue-type'] === 'quorum';
}

export class Topology {
  readonly #logger: Logger;
  /** Told once: workers declare again with each connection. */
  readonly #complained = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The queue, its exchange, and what leads from one to the other; of which kind the queue is where somebody else declared it. */
  async declare(connection: AmqpConnection, queue: Queue): Promise<Queue> {
    await this.declareExchange(connection, queue.exchange);
    let kind: string | undefined;
    const declared = await this.#orAsItIs(connection, `queue '${queue.name}'`, {
      declare: (channel) => channel.assertQueue(queue.name, queueOptions(queue)),
      look: (channel) => channel.checkQueue(queue.name),
      otherwise: (said) => {
        kind = /arg 'x-queue-type' .* current is the value '(\w+)'/s.exec(said)?.[1];
      },
    });
    if (queue.exchange.name !== '') {
      await connection.once((channel) => channel.bindQueue(declared.queue, queue.exchange.name, queue.routingKey));
    }
    return kind === undefined ? queue : { ...queue, arguments: { ...queue.arguments, 'x-queue-type': kind } };
  }

  /** kombu declares an exchange before it publishes to it; the server's own ones are there. */
  async declareExchange(connection: AmqpConnection, exchange: Exchange): Promise<void> {
    const { name, type, durable = true } = exchange;
    if (name === '' || name.startsWith('amq.')) return;
    await this.#orAsItIs(connection, `exchange '${name}'`, {
      declare: (channel) => channel.assertExchange(name, type, { durable, autoDelete: false }),
      look: (channel) => channel.checkExchange(name),
    });
  }

  /** One that somebody declared with other properties is used as it is: refusing it helps nobody. */
  async #orAsItIs<T>(connection: AmqpConnection, what: string, { declare, look, otherwise }: Declaration<T>): Promise<T> {
    try {
      return await connection.once(declare);
    } catch (error) {
      const failure = toAmqpFailure(error);
      if (failure.code !== PRECONDITION_FAILED) throw failure;
      otherwise?.(failure.message);
      if (!this.#complained.has(what)) {
        this.#complained.add(what);
        this.#logger.warning('The %s is there with other properties than ours, and is used as it is: %s', what, failure.message);
      }
      return (await connection.once(look)) as T;
    }
  }
}

interface Declaration<T> {
  readonly declare: (channel: AmqpChannel) => Promise<T>;
  readonly look: (channel: AmqpChannel) => Promise<unknown>;
  /** The server's words on the first property that is another. */
  readonly otherwise?: (said: string) => void;
}

function queueOptions({ durable = true, autoDelete = false, exclusive = false, maxPriority, arguments: given }: Queue): {
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  readonly arguments: Record<string, unknown>;
} {
  return {
    durable,
    autoDelete,
    exclusive,
    arguments: { ...given, ...(maxPriority === undefined ? {} : { 'x-max-priority': maxPriority }) },
  };
}
