/**
 * What ctq's workers have parked until its time: on a ladder of 28 queues that all queues share, so that
 * RabbitMQ can say how many there are in all, and not for which queue. Celery's own ladder leads to
 * exchanges, and what is on it belongs to no queue yet.
 */
import { LEVELS, ladderIsThere, levelName, OUR_PREFIX, oneWord } from '../../brokers/amqp/delays.js';
import { systemClock } from '../../clock.js';
import type { StoredMessage } from '../../estate/messages.js';
import { storedMessage, type Taken } from './hold.js';
import { ASK_AGAIN_MS } from './marks.js';
import type { AmqpServer } from './server.js';

export class Ladder {
  readonly #server: AmqpServer;
  #isThere: Promise<boolean> = Promise.resolve(false);
  #askAgainMs = Number.NEGATIVE_INFINITY;

  constructor(server: AmqpServer) {
    this.#server = server;
  }

  /** Of all queues together. */
  async count(): Promise<number> {
    if (!(await this.#there())) return 0;
    const depths = await this.#server.depths(this.#steps);
    return depths.reduce((sum, depth) => sum + (depth?.messages ?? 0), 0);
  }

  /** Those of one queue, the next to be due first. */
  async of(queue: string): Promise<readonly StoredMessage[]> {
    const found: StoredMessage[] = [];
    await this.each(queue, (taken) => {
      found.push(storedMessage(taken, 'delayed', 0));
      return 'give back';
    });
    const inOrder = found.sort((a, b) => (a.dueAtMs ?? 0) - (b.dueAtMs ?? 0));
    return inOrder.map((message, position) => Object.assign(message, { position }));
  }

  /** Shows each of a queue's, and drops those that are to be dropped. */
  async each(queue: string | undefined, visit: (taken: Taken) => 'give back' | 'drop' | Promise<'give back' | 'drop'>): Promise<void> {
    if ((await this.count()) === 0) return;
    const ending = queue === undefined ? '' : `.${oneWord(queue)}`;
    for (const step of this.#steps) {
      const hold = await this.#server.hold(step);
      if (hold === undefined) continue;
      try {
        for (let taken = await hold.next(); taken !== undefined; taken = await hold.next()) {
          if (!taken.routingKey.endsWith(ending)) continue;
          const own = { ...taken, queue: queue ?? queueOf(taken.routingKey) };
          if ((await visit(own)) === 'drop') hold.drop(taken);
        }
      } finally {
        await hold.giveBack();
      }
    }
  }

  /** Made by the first worker that parks something, and never removed; one question tells. */
  #there(): Promise<boolean> {
    const nowMs = systemClock.monotonicMs();
    if (nowMs < this.#askAgainMs) return this.#isThere;
    this.#askAgainMs = nowMs + ASK_AGAIN_MS;
    this.#isThere = this.#server.ask(ladderIsThere);
    this.#isThere.then(
      (there) => {
        if (there) this.#askAgainMs = Number.POSITIVE_INFINITY;
      },
      () => {
        this.#askAgainMs = Number.NEGATIVE_INFINITY;
      },
    );
    return this.#isThere;
  }

  get #steps(): readonly string[] {
    return Array.from({ length: LEVELS }, (_step, level) => levelName(OUR_PREFIX, level));
  }
}

/** The one word behind the 28 digits, read back. */
function queueOf(routingKey: string): string {
  const word = routingKey.slice(routingKey.lastIndexOf('.') + 1);
  return word.replace(/%[0-9A-F]{2}/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}
