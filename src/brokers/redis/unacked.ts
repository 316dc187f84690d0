/**
 * What one consumer owes answers for. Each answer leaves with all others of its tick: the done ones,
 * with their results, in `settle.lua`, the rest in `answer.lua`. The server checks again that the
 * delivery is ours, so an answer that comes too late writes nothing and says so.
 */
import type { ReturnCause, Settled, SettledListener } from '../../broker.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { RedisFailure } from '../../connections/redis/failure.js';
import { faultPoint } from '../../fault-points.js';
import type { Answer } from '../held-delivery.js';
import type { HeldItem, RedisDelivery, ResultWrite, Take } from './delivery.js';
import { type EndingWrite, Endings } from './endings.js';
import { redeliveredTexts } from './give-back.js';
import { deadLettersKey, dueKey, failedAtKey, failedKey, ledgerKey, parkedKey, type RedisLayout } from './keys.js';
import { Outbox, type OutboxCall } from './outbox.js';
import { heldKeys } from './own.js';
import { answerScript, rememberScript, settleScript } from './scripts.js';

const NONE: readonly RedisDelivery[] = [];

/** A delivery that is done, on its way to the server. */
class Done {
  readonly delivery: RedisDelivery;
  readonly result: ResultWrite | undefined;
  private readonly listener: SettledListener;

  constructor(delivery: RedisDelivery, result: ResultWrite | undefined, listener: SettledListener) {
    this.delivery = delivery;
    this.result = result;
    this.listener = listener;
  }

  get item(): HeldItem {
    return this.delivery.item;
  }

  resolve(settled: Settled): void {
    if (settled === 'fenced') this.delivery.fence();
    this.listener.settled(settled);
  }
}

interface OtherAnswer {
  readonly item: HeldItem;
  readonly kind: 'front' | 'back' | 'dead' | 'park';
  readonly where: string;
  /** The due time, the reason, or of what goes back: why ({@link ReturnCause}). */
  readonly what: string;
  readonly resolve: (settled: Settled) => void;
}

export interface UnackedOptions {
  readonly layout: RedisLayout;
  readonly ownerId: string;
  readonly connection: () => Promise<RedisConnection>;
  /** The prefetch has room again, or the server has caught up. */
  readonly freed: () => void;
}

/** Dead letters are looked at by people: the newest ten thousand of each queue. */
export const DEAD_LETTERS_KEPT = 10_000;
/** Scripts of about this size keep the server from others for a few milliseconds. */
const MAX_DONE = 250;
const MAX_ANSWERS = 100;

export class Unacked {
  readonly #options: UnackedOptions;
  readonly #keys: readonly string[];
  /** In the order of taking. */
  readonly #takes = new Map<number, Take>();
  /**
   * How many deliveries the takes hold. They lie in arrays that are emptied place by place: a map through which
   * thousands pass leaves tables behind that keep what was in them from the garbage collector for seconds.
   */
  #held = 0;
  /** Answered and not yet sent: the take that they make room for must not overtake them. */
  #goingBack = 0;
  /** Numbers of takes of which nothing is left, for the next call to say. */
  #over: string[] = [];
  readonly #done: Outbox<Done>;
  readonly #answers: Outbox<OtherAnswer>;
  readonly #endings: Endings;

  constructor(options: UnackedOptions) {
    this.#options = options;
    this.#keys = heldKeys(options.layout, options.ownerId);
    const shared = {
      ledgerKey: (id: string) => ledgerKey(options.layout, id),
      connection: options.connection,
      identity: (item: object) => item,
      // Refused for now (loading, read-only): the answer stands, the lease is renewed, and the time will come.
      keepAfter: (failure: RedisFailure) => failure.kind !== 'closed',
      // Only when we were closed: somebody else gives the deliveries back.
      failed: (answers: readonly { resolve(settled: Settled): void }[]) => {
        for (const answer of answers) answer.resolve('fenced');
      },
    };
    this.#done = new Outbox<Done>({
      ...shared,
      maxItems: MAX_DONE,
      send: (connection, call) => this.#sendDone(connection, call),
      done: (answers, reply) => this.#confirmed(answers, reply),
    });
    this.#answers = new Outbox<OtherAnswer>({
      ...shared,
      maxItems: MAX_ANSWERS,
      send: (connection, call) => this.#sendAnswers(connection, call),
      done: (answers, reply) => this.#confirmed(frontLast(answers), reply),
    });
    this.#endings = new Endings({
      ...shared,
      keys: this.#keys,
      moreKeys: failedKeys(options.layout),
      callArguments: (call) => this.#callArguments(call, []),
      closed: (item) => this.#close(item.take),
    });
  }

  /** How much of the prefetch is used: deliveries without an answer, and those on their way to the front of a queue. */
  get size(): number {
    return this.#held + this.#goingBack;
  }

  /** How many answers the server has not confirmed. */
  get unconfirmed(): number {
    return this.#done.size + this.#answers.size + this.#endings.size;
  }

  get ledgers(): readonly string[] {
    return [this.#done.ledger, this.#answers.ledger, this.#endings.ledger];
  }

  addTake(take: Take): void {
    if (take.open > 0) this.#takes.set(take.number, take);
  }

  /**
   * Kept until it is answered for. When a message was somebody else's for a while (Python had restored it under the
   * same tag, marked as redelivered) and it has come back to us, our first taking of it is over and given back as
   * fenced: its answer would be taken for that of the second.
   */
  add(delivery: RedisDelivery): readonly RedisDelivery[] {
    const fenced = delivery.redelivered ? this.fence(this.#earlier(delivery)) : NONE;
    this.#hold(delivery);
    return fenced;
  }

  #earlier({ deliveryTag }: RedisDelivery): readonly RedisDelivery[] {
    return this.deliveries().filter((held) => held.deliveryTag === deliveryTag);
  }

  #hold(delivery: RedisDelivery): void {
    const { take, position } = delivery.item;
    take.held[position] = delivery;
    this.#held += 1;
  }

  /** Whether something of this take is ours or has an answer under way. */
  knowsTake(number: number): boolean {
    return this.#takes.has(number);
  }

  deliveries(): RedisDelivery[] {
    return [...this.#takes.values()].flatMap(({ held }) => held.filter((delivery) => delivery !== undefined));
  }

  /** Somebody else has these now; those answered meanwhile are left alone. */
  fence(deliveries: Iterable<RedisDelivery>): RedisDelivery[] {
    const fenced: RedisDelivery[] = [];
    for (const delivery of deliveries) {
      if (!this.#letGo(delivery.item)) continue;
      delivery.fence();
      this.#close(delivery.item.take);
      fenced.push(delivery);
    }
    if (fenced.length > 0) this.#options.freed();
    return fenced;
  }

  /** The delivery of this tag from this take, while it waits for an answer. */
  find(takeNumber: number, tag: string): RedisDelivery | undefined {
    return this.#takes.get(takeNumber)?.held.find((delivery) => delivery?.deliveryTag === tag);
  }

  acknowledge(delivery: RedisDelivery, result: ResultWrite | undefined): Promise<Settled> {
    return new Promise((settled, unsettled) => this.finish(delivery, result, { settled, unsettled }));
  }

  finish(delivery: RedisDelivery, result: ResultWrite | undefined, listener: SettledListener): void {
    this.#done.add(new Done(delivery, result, listener));
    this.#release(delivery.item);
  }

  settle(delivery: RedisDelivery, answer: Answer): Promise<Settled> {
    const { item } = delivery;
    switch (answer.kind) {
      case 'ack':
        return this.acknowledge(delivery, undefined);
      case 'requeue':
        return this.#answer(item, answer.position, item.list, answer.after);
      case 'reject':
        return this.bury(item, answer.reason);
      case 'park':
        return this.#answer(item, 'park', item.list, String(answer.dueAtMs / 1000));
      default:
        return answer satisfies never;
    }
  }

  async end(delivery: RedisDelivery, ending: EndingWrite): Promise<Settled | readonly string[]> {
    const { item } = delivery;
    const sent = this.#endings.send(item, ending);
    this.#release(item);
    const reply = await sent;
    // Not answered for yet: the body of its chord is still to be sent.
    if (typeof reply !== 'string') this.#hold(delivery);
    return reply;
  }

  async remember(args: readonly string[]): Promise<void> {
    const connection = await this.#options.connection();
    await connection.run(rememberScript, failedKeys(this.#options.layout), args);
  }

  /** Puts aside what nobody can work on. */
  bury(item: HeldItem, reason: string): Promise<Settled> {
    const about = JSON.stringify({ reason, at: Date.now() / 1000, owner: this.#options.ownerId });
    return this.#answer(item, 'dead', deadLettersKey(this.#options.layout, item.queue), about);
  }

  /** Resolves when the server has confirmed every answer. */
  async idle(): Promise<void> {
    await Promise.all([this.#done.idle(), this.#answers.idle(), this.#endings.idle()]);
  }

  close(): void {
    this.#done.close();
    this.#answers.close();
    this.#endings.close();
  }

  #answer(item: HeldItem, kind: OtherAnswer['kind'], where: string, what: string): Promise<Settled> {
    return new Promise((resolve) => {
      this.#answers.add({ item, kind, where, what, resolve });
      if (kind !== 'front') this.#release(item);
      else if (this.#letGo(item)) this.#goingBack += 1;
    });
  }

  #release(item: HeldItem): void {
    if (this.#letGo(item)) this.#options.freed();
  }

  /** False where it was held no more. */
  #letGo({ take, position }: HeldItem): boolean {
    if (take.held[position] === undefined) return false;
    take.held[position] = undefined;
    this.#held -= 1;
    return true;
  }

  /** The server has confirmed the answer, or it does not count any more. */
  #close(take: Take): void {
    // Who stopped taking because the server was behind with its answers goes on here, and nowhere else.
    this.#options.freed();
    take.open -= 1;
    if (take.open > 0) return;
    this.#takes.delete(take.number);
    this.#over.push(String(take.number));
  }

  async #sendDone(connection: RedisConnection, call: OutboxCall<Done>): Promise<unknown> {
    const args = this.#callArguments(call, []);
    for (const { item, result } of call.items) {
      args.push(result === undefined ? item.tag : `${item.tag}\n${result.text}\n${result.ttlS} ${result.key}`);
    }
    const answer = connection.run(settleScript, [...this.#keys, call.ledger], args);
    faultPoint('redis.settle.sent');
    const reply = await answer;
    faultPoint('redis.settle.answered');
    return reply;
  }

  async #sendAnswers(connection: RedisConnection, call: OutboxCall<OtherAnswer>): Promise<unknown> {
    const answers = frontLast(call.items);
    const causes = new Map<string, ReturnCause>();
    for (const { item, kind, what } of answers) if (kind === 'front' || kind === 'back') causes.set(item.tag, what as ReturnCause);
    const texts = await redeliveredTexts(connection, this.#options.layout, [...causes.keys()], (tag) => causes.get(tag) ?? 'return');
    const args = this.#callArguments(call, [String(DEAD_LETTERS_KEPT)]);
    for (const { item, kind, where, what } of answers)
      args.push(item.tag, kind, where, causes.has(item.tag) ? (texts.get(item.tag) ?? '') : what);
    const { layout } = this.#options;
    const answer = connection.run(answerScript, [...this.#keys, call.ledger, parkedKey(layout), dueKey(layout)], args);
    if (this.#goingBack > 0) {
      this.#goingBack = 0;
      this.#options.freed();
    }
    faultPoint('redis.answer.sent');
    const reply = await answer;
    faultPoint('redis.answer.answered');
    return reply;
  }

  /** What both scripts begin with: who, which call, when it was taken, and which takes are over. */
  #callArguments(call: OutboxCall<{ readonly item: HeldItem }>, extra: readonly string[]): string[] {
    const times = new Set<string>();
    for (const { item } of call.items) times.add(item.take.takenAt);
    const over = this.#over;
    this.#over = [];
    const counts = [String(times.size), String(over.length)];
    return [this.#options.ownerId, String(call.number), ...extra, ...counts, ...times, ...over];
  }

  /** The script names the positions that were not ours any more; without its word the ledger says that it ran. */
  #confirmed(answers: readonly { readonly item: HeldItem; resolve(settled: Settled): void }[], reply: unknown): void {
    const fenced = Array.isArray(reply) && reply.length > 0 ? new Set(reply as readonly number[]) : undefined;
    for (const [index, answer] of answers.entries()) {
      this.#close(answer.item.take);
      answer.resolve(fenced?.has(index + 1) === true ? 'fenced' : 'settled');
    }
  }
}

function failedKeys(layout: RedisLayout): readonly string[] {
  return [failedKey(layout), failedAtKey(layout)];
}

/** Put to the front last taken first, so that the first taken is served first again. */
function frontLast(answers: readonly OtherAnswer[]): readonly OtherAnswer[] {
  const front = answers.filter(({ kind }) => kind === 'front');
  if (front.length === 0) return answers;
  front.sort((a, b) => b.item.take.number - a.item.take.number || b.item.position - a.item.position);
  return [...answers.filter(({ kind }) => kind !== 'front'), ...front];
}
