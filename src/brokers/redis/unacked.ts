/**
 * What one consumer owes answers for. Each answer leaves with all others of its tick: the done ones,
 * with their results, in `settle.lua`, the rest in `answer.lua`. The server checks again that the
 * delivery is ours, so an answer that comes too late writes nothing and says so.
 */
import type { Settled } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { RedisFailure } from '../../connections/redis-failure.js';
import { faultPoint } from '../../fault-points.js';
import type { Message } from '../../protocol/message.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';
import { heldKeys, redeliveredText } from './give-back.js';
import { deadLettersKey, ledgerKey, parkedKey, type RedisLayout } from './keys.js';
import { Outbox, type OutboxCall } from './outbox.js';
import { answerScript, settleScript } from './scripts.js';

/** How a result is written in the step that acknowledges. */
export interface ResultWrite {
  readonly key: string;
  readonly text: string;
  /** Seconds to keep it; 0 for ever. */
  readonly ttlS: number;
}

export interface RedisDeliveryParts {
  readonly message: Message;
  readonly queue: string;
  readonly tag: string;
  readonly redeliveryCount: number;
  /** The envelope as it was read, for the way back. */
  readonly text: string;
  /** Counts the deliveries of this consumer. */
  readonly number: number;
}

const ACK: Answer = { kind: 'ack' };

export class RedisDelivery extends HeldDelivery<ResultWrite> {
  readonly unacked: Unacked;
  readonly text: string;
  readonly number: number;

  constructor(unacked: Unacked, parts: RedisDeliveryParts) {
    super(parts.message, parts.queue, parts.tag, parts.redeliveryCount);
    this.unacked = unacked;
    this.text = parts.text;
    this.number = parts.number;
  }

  /** Done, and its result written in the same step. */
  complete(result: ResultWrite): Promise<Settled> {
    return this.answer(ACK, result);
  }

  protected override settle(answer: Answer, result?: ResultWrite): Promise<Settled> {
    return this.unacked.settle(this, answer, result);
  }
}

interface Done {
  readonly tag: string;
  readonly result: ResultWrite | undefined;
  readonly resolve: (settled: Settled) => void;
}

interface OtherAnswer {
  readonly tag: string;
  readonly kind: 'front' | 'back' | 'dead' | 'park';
  readonly first: string;
  readonly second: string;
  readonly number: number;
  readonly resolve: (settled: Settled) => void;
}

export interface UnackedOptions {
  readonly layout: RedisLayout;
  readonly ownerId: string;
  readonly connection: () => Promise<RedisConnection>;
  /** The prefetch has room again. */
  readonly freed: () => void;
}

/** Dead letters are looked at by people: the newest ten thousand of each queue. */
export const DEAD_LETTERS_KEPT = 10_000;
/** Scripts of about this size keep the server from others for a few milliseconds. */
const MAX_DONE = 500;
const MAX_ANSWERS = 100;

export class Unacked {
  readonly #options: UnackedOptions;
  readonly #keys: readonly string[];
  /** By tag, in the order of delivery. */
  readonly #held = new Map<string, RedisDelivery>();
  readonly #done: Outbox<Done>;
  readonly #answers: Outbox<OtherAnswer>;

  constructor(options: UnackedOptions) {
    this.#options = options;
    this.#keys = heldKeys(options.layout, options.ownerId);
    const shared = {
      ledgerKey: (id: string) => ledgerKey(options.layout, id),
      connection: options.connection,
      identity: (item: object) => item,
      // Refused for now (loading, read-only): the answer stands, the lease is renewed, and the time will come.
      keepAfter: (failure: RedisFailure) => failure.kind !== 'closed',
      failed: (items: readonly { resolve(settled: Settled): void }[]) => {
        // Only when we were closed: somebody else gives the deliveries back.
        for (const item of items) item.resolve('fenced');
      },
    };
    this.#done = new Outbox<Done>({
      ...shared,
      maxItems: MAX_DONE,
      send: (connection, call) => this.#sendDone(connection, call),
      done: (items, reply) => resolveAll(sortDone(items), reply),
    });
    this.#answers = new Outbox<OtherAnswer>({
      ...shared,
      maxItems: MAX_ANSWERS,
      send: (connection, call) => this.#sendAnswers(connection, call),
      done: (items, reply) => resolveAll(sortAnswers(items), reply),
    });
  }

  /** How many deliveries wait for an answer. */
  get size(): number {
    return this.#held.size;
  }

  /** How many answers the server has not confirmed. */
  get unconfirmed(): number {
    return this.#done.size + this.#answers.size;
  }

  get ledgers(): readonly string[] {
    return [this.#done.ledger, this.#answers.ledger];
  }

  add(delivery: RedisDelivery): void {
    this.#held.set(delivery.deliveryTag, delivery);
  }

  has(tag: string): boolean {
    return this.#held.has(tag);
  }

  tags(): Set<string> {
    return new Set(this.#held.keys());
  }

  /** Tags of what has been answered and not been confirmed. */
  owed(): Set<string> {
    return new Set([...this.#done.items(), ...this.#answers.items()].map(({ tag }) => tag));
  }

  /** Somebody else has these now. @returns Those that nobody had answered yet. */
  fence(tags: Iterable<string>): RedisDelivery[] {
    const fenced: RedisDelivery[] = [];
    for (const tag of tags) {
      const delivery = this.#held.get(tag);
      if (delivery === undefined) continue;
      delivery.fence();
      fenced.push(delivery);
      this.#held.delete(tag);
    }
    if (fenced.length > 0) this.#options.freed();
    return fenced;
  }

  settle(delivery: RedisDelivery, answer: Answer, result: ResultWrite | undefined): Promise<Settled> {
    switch (answer.kind) {
      case 'ack':
        return this.#acknowledge(delivery.deliveryTag, result);
      case 'requeue': {
        const kind = answer.position;
        return this.#answer(delivery, { kind, first: redeliveredText(delivery.text), second: '' });
      }
      case 'reject':
        return this.bury(delivery, answer.reason);
      case 'park':
        return this.#answer(delivery, { kind: 'park', first: String(answer.dueAtMs / 1000), second: '' });
      default:
        return answer satisfies never;
    }
  }

  /** Puts aside what nobody can work on. */
  bury(item: { readonly deliveryTag: string; readonly queue: string; readonly number: number }, reason: string): Promise<Settled> {
    const about = JSON.stringify({ reason, at: Date.now() / 1000, owner: this.#options.ownerId });
    return this.#answer(item, { kind: 'dead', first: about, second: deadLettersKey(this.#options.layout, item.queue) });
  }

  /** Resolves when the server has confirmed every answer. */
  async idle(): Promise<void> {
    await Promise.all([this.#done.idle(), this.#answers.idle()]);
  }

  close(): void {
    this.#done.close();
    this.#answers.close();
  }

  #acknowledge(tag: string, result: ResultWrite | undefined): Promise<Settled> {
    return new Promise((resolve) => {
      this.#done.add({ tag, result, resolve });
      this.#release(tag);
    });
  }

  #answer(
    item: { readonly deliveryTag: string; readonly number: number },
    answer: Pick<OtherAnswer, 'kind' | 'first' | 'second'>,
  ): Promise<Settled> {
    return new Promise((resolve) => {
      this.#answers.add({ ...answer, tag: item.deliveryTag, number: item.number, resolve });
      // Only then: the take that this makes room for must not overtake what goes to the front.
      this.#release(item.deliveryTag);
    });
  }

  #release(tag: string): void {
    if (this.#held.delete(tag)) this.#options.freed();
  }

  async #sendDone(connection: RedisConnection, call: OutboxCall<Done>): Promise<unknown> {
    const items = sortDone(call.items);
    const plain = items.findIndex(({ result }) => result !== undefined);
    const args = [this.#options.ownerId, String(call.number), String(plain < 0 ? items.length : plain)];
    for (const { tag, result } of items) {
      if (result === undefined) args.push(tag);
      else args.push(tag, result.key, result.text, String(result.ttlS));
    }
    const answer = connection.run(settleScript, [...this.#keys, call.ledger], args);
    faultPoint('redis.settle.sent');
    const reply = await answer;
    faultPoint('redis.settle.answered');
    return reply;
  }

  async #sendAnswers(connection: RedisConnection, call: OutboxCall<OtherAnswer>): Promise<unknown> {
    const args = [this.#options.ownerId, String(call.number), String(DEAD_LETTERS_KEPT)];
    for (const { tag, kind, first, second } of sortAnswers(call.items)) args.push(tag, kind, first, second);
    const answer = connection.run(answerScript, [...this.#keys, call.ledger, parkedKey(this.#options.layout)], args);
    faultPoint('redis.answer.sent');
    const reply = await answer;
    faultPoint('redis.answer.answered');
    return reply;
  }
}

/** Those without a result first, as the script wants them. */
function sortDone(items: readonly Done[]): readonly Done[] {
  if (items.every(({ result }) => result !== undefined)) return items;
  return [...items.filter(({ result }) => result === undefined), ...items.filter(({ result }) => result !== undefined)];
}

/** Put to the front last taken first, so that the first taken is served first again. */
function sortAnswers(items: readonly OtherAnswer[]): readonly OtherAnswer[] {
  const front = items.filter(({ kind }) => kind === 'front').sort((a, b) => b.number - a.number);
  return front.length === 0 ? items : [...items.filter(({ kind }) => kind !== 'front'), ...front];
}

/** The script names the positions that were not ours any more; without its word the ledger says that it ran. */
function resolveAll(items: readonly { resolve(settled: Settled): void }[], reply: unknown): void {
  if (!Array.isArray(reply) || reply.length === 0) {
    for (const item of items) item.resolve('settled');
    return;
  }
  const fenced = new Set(reply as readonly number[]);
  for (const [index, item] of items.entries()) item.resolve(fenced.has(index + 1) ? 'fenced' : 'settled');
}
