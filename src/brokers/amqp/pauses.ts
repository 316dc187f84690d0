/**
 * Queues that operators have paused: a mark stands for each, a queue of its name that nobody takes from
 * (`ctq queues pause`). Running workers are told of it by remote control; those that begin meanwhile look
 * for the marks, and then now and again until they are gone.
 */
import type { Queue } from '../../broker.js';
import type { Clock, TimerHandle } from '../../clock.js';
import type { AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import type { Logger } from '../../logger.js';
import { PausedQueues } from '../paused-queues.js';

const PAUSED = 'ctq.paused.';
/** What is not there costs a line in the server's log, so a queue that runs is asked for once a connection. */
const LOOK_AGAIN_MS = 2_000;

export interface PausesParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those of the consumer. */
  readonly queues: () => readonly Queue[];
  readonly connection: () => AmqpConnection | undefined;
  readonly changed: () => void;
}

/** The mark of a queue that is paused. */
export function pausedMark(queue: string): string {
  return PAUSED + queue;
}

export class Pauses {
  readonly paused: PausedQueues;
  readonly #parts: PausesParts;
  #timer: TimerHandle | undefined;

  constructor(parts: PausesParts) {
    this.#parts = parts;
    const isOurs = (name: string): boolean => parts.queues().some((queue) => queue.name === name);
    this.paused = new PausedQueues({ logger: parts.logger, isOurs });
  }

  /** Those that may be taken from. */
  get open(): readonly Queue[] {
    const queues = this.#parts.queues();
    const open = new Set(this.paused.without(queues.map(({ name }) => name)));
    return open.size === queues.length ? queues : queues.filter(({ name }) => open.has(name));
  }

  /** Before anything is taken by this connection. */
  async look(connection: AmqpConnection, names: readonly string[]): Promise<void> {
    this.stop();
    const marked: string[] = [];
    for (const name of names) if (await isThere(connection, pausedMark(name))) marked.push(name);
    this.paused.hear(marked);
    if (marked.length > 0) this.#lookAgain(marked);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookAgain(names: readonly string[]): void {
    this.#timer = this.#parts.clock
      .setTimeout(() => {
        const connection = this.#parts.connection();
        if (connection === undefined) return; // The next one begins with a look.
        this.look(connection, names)
          .then(() => this.#parts.changed())
          .catch((error: unknown) => connection.abandon(toAmqpFailure(error)));
      }, LOOK_AGAIN_MS)
      .unref();
  }
}

async function isThere(connection: AmqpConnection, queue: string): Promise<boolean> {
  try {
    await connection.once((channel) => channel.checkQueue(queue));
    return true;
  } catch (error) {
    const { kind } = toAmqpFailure(error);
    // Who may not look has nothing paused.
    if (kind === 'missing' || kind === 'refused') return false;
    throw error;
  }
}
