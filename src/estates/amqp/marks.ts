/**
 * What ctq writes down at RabbitMQ, which keeps nothing but messages: a queue that nobody takes from, with one message
 * in it. A queue stands for a pause (who has to be told that it is over), another for how far a purge was undone.
 */
import { pausedMark } from '../../brokers/amqp/pauses.js';
import { systemClock } from '../../clock.js';
import type { AmqpConnection } from '../../connections/amqp.js';
import { toAmqpFailure } from '../../connections/amqp/failure.js';
import { arrivedMark } from './names.js';
import type { AmqpServer } from './server.js';

/** How long a purge may wait to be undone once more. */
const REMEMBERED_MS = 30 * 86_400_000;
/** Each question for a queue that is not there is a line in the server's log; who looks every second asks less often. */
export const ASK_AGAIN_MS = 15_000;

export class Marks {
  readonly #server: AmqpServer;
  /** Not paused when it was asked for, and not asked for again before. */
  readonly #openUntilMs = new Map<string, number>();

  constructor(server: AmqpServer) {
    this.#server = server;
  }

  async pausedAmong(queues: readonly string[]): Promise<ReadonlySet<string>> {
    const nowMs = systemClock.monotonicMs();
    const asked = queues.filter((queue) => (this.#openUntilMs.get(queue) ?? 0) <= nowMs);
    const marks = await this.#server.depths(asked.map(pausedMark));
    const paused = new Set(asked.filter((_queue, index) => marks[index] !== undefined));
    for (const queue of asked) if (!paused.has(queue)) this.#openUntilMs.set(queue, nowMs + ASK_AGAIN_MS);
    return paused;
  }

  async pause(queues: readonly string[]): Promise<void> {
    for (const queue of queues) {
      this.#openUntilMs.delete(queue);
      await this.#server.ask((connection) => declare(connection, pausedMark(queue), {}));
    }
  }

  async resume(queues: readonly string[]): Promise<void> {
    for (const queue of queues)
      await this.#server.ask((connection) => connection.once((channel) => channel.deleteQueue(pausedMark(queue))));
  }

  async noteStopped(queue: string, nodes: readonly string[]): Promise<void> {
    const before = (await this.stopped(queue)) ?? [];
    await this.#write(pausedMark(queue), JSON.stringify([...new Set([...before, ...nodes])].sort()));
  }

  async stopped(queue: string): Promise<readonly string[] | undefined> {
    const text = await this.#read(pausedMark(queue));
    if (text === undefined) return undefined;
    const nodes: unknown = text === '' ? [] : JSON.parse(text);
    return Array.isArray(nodes) ? nodes.filter((node) => typeof node === 'string') : [];
  }

  /** The highest number of the removal `id` that is back; -1 when none is. */
  async arrivedUpTo(id: string): Promise<number> {
    const text = await this.#read(arrivedMark(id));
    return text === undefined || text === '' ? -1 : Number(text);
  }

  async noteArrived(id: string, number: number): Promise<void> {
    const name = arrivedMark(id);
    await this.#server.ask((connection) => declare(connection, name, { 'x-expires': REMEMBERED_MS }));
    await this.#write(name, String(number));
  }

  /** undefined when there is no such mark, '' when nothing is written on it. */
  async #read(name: string): Promise<string | undefined> {
    const hold = await this.#server.hold(name);
    if (hold === undefined) return undefined;
    try {
      const taken = await hold.next();
      return taken === undefined ? '' : Buffer.from(taken.message.body).toString('utf8');
    } finally {
      await hold.giveBack();
    }
  }

  /** What stood there before gives way: there is room for one. */
  async #write(name: string, text: string): Promise<void> {
    const message = { headers: {}, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from(text) };
    await this.#server.publish(message, name);
  }
}

async function declare(connection: AmqpConnection, name: string, more: Readonly<Record<string, number>>): Promise<void> {
  try {
    await connection.once((channel) =>
      channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': 'classic', 'x-max-length': 1, ...more } }),
    );
  } catch (error) {
    const failure = toAmqpFailure(error);
    // Made with other properties by another version: it serves all the same.
    if (failure.kind !== 'failed') throw failure;
  }
}
