/** How deliveries are answered: on the channel that they came by, and beside it what an answer sets in motion. */
import type { Settled } from '../../broker.js';
import { faultPoint } from '../../fault-points.js';
import type { Answer } from '../held-delivery.js';
import type { AmqpDelivery, Seat } from './delivery.js';
import type { Disposal } from './disposal.js';
import type { Held } from './held.js';
import type { Deaths } from './deaths.js';

export interface AnswersParts {
  readonly held: Held;
  readonly disposal: Disposal;
  readonly deaths: Deaths;
  /** Answered, so that there is room for another. */
  readonly freed: () => void;
  /** Parked, and nobody but us can keep it until then. */
  readonly keepHere: (delivery: AmqpDelivery, dueAtMs: number) => void;
}

const SETTLED = Promise.resolve('settled' as const);

export class Answers {
  readonly #parts: AnswersParts;
  /** Those that cannot be given at once. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: AnswersParts) {
    this.#parts = parts;
  }

  /** Resolves when all that are under way now have been given. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  readonly settle = (delivery: AmqpDelivery, answer: Answer): Promise<Settled> => {
    // The common case has nothing to wait for.
    if (answer.kind === 'ack' && this.acknowledge(delivery)) return SETTLED;
    const settling = this.#settleSlowly(delivery, answer).finally(() => this.#underWay.delete(settling));
    this.#underWay.add(settling);
    return settling;
  };

  /** For somebody else, who is to keep the date. */
  passOn(delivery: AmqpDelivery, dueAtMs: number): void {
    const passing = this.#parts.disposal
      .sendBack(delivery, delivery.redeliveryCount, dueAtMs)
      .then(() => this.acknowledge(delivery))
      .catch(() => this.giveBack(delivery))
      .finally(() => this.#underWay.delete(passing));
    this.#underWay.add(passing);
  }

  /** To its old place, unharmed. */
  giveBack(delivery: AmqpDelivery): void {
    if (delivery.countedIn === undefined) {
      this.#refuse(delivery, 'requeue');
      return;
    }
    const giving = this.#parts.deaths
      .takeBack(delivery.countedIn)
      .then(() => this.#refuse(delivery, 'requeue'))
      .finally(() => this.#underWay.delete(giving));
    this.#underWay.add(giving);
  }

  /** @returns False when its channel is gone. */
  acknowledge(delivery: AmqpDelivery): boolean {
    const isDone = this.#answer(delivery, ({ channel, raw }) => channel.ack(raw));
    if (isDone) this.#forget(delivery);
    return isDone;
  }

  /** The same without having done with it. */
  #refuse(delivery: AmqpDelivery, how: 'requeue' | 'reject'): boolean {
    const isDone = this.#answer(delivery, ({ channel, raw }) => channel.nack(raw, false, how === 'requeue'));
    if (isDone && how === 'reject') this.#forget(delivery);
    return isDone;
  }

  #forget({ countedIn }: AmqpDelivery): void {
    if (countedIn !== undefined) this.#parts.deaths.forget(countedIn);
  }

  async #settleSlowly(delivery: AmqpDelivery, answer: Answer): Promise<Settled> {
    if ((await delivery.seated()) === undefined) return 'fenced';
    const { disposal, held } = this.#parts;
    switch (answer.kind) {
      case 'ack':
        break;
      case 'requeue':
        if (answer.position === 'front' && answer.after === 'return') return this.#finish(delivery, 'requeue');
        await disposal.sendBack(delivery, answer.after === 'death' ? delivery.redeliveryCount + 1 : Math.max(delivery.redeliveryCount, 1));
        break;
      case 'reject':
        await disposal.bury(delivery, answer.reason);
        return this.#finish(delivery, 'reject');
      case 'park':
        if ((await disposal.delay(delivery, answer.dueAtMs)) === 'here') {
          // Settled for the worker: it makes room there, and comes again.
          held.delete(delivery);
          this.#parts.keepHere(delivery, answer.dueAtMs);
          this.#parts.freed();
          return 'settled';
        }
        break;
      default:
        answer satisfies never;
    }
    return this.#finish(delivery, 'ack');
  }

  /** Somebody may have the message by now: what was done beside is then done twice, and this says so. */
  async #finish(delivery: AmqpDelivery, how: 'ack' | 'requeue' | 'reject'): Promise<Settled> {
    for (;;) {
      const seat = await delivery.seated();
      if (seat === undefined) return 'fenced';
      if (how === 'requeue' && delivery.countedIn !== undefined) {
        await this.#parts.deaths.takeBack(delivery.countedIn);
        // It is marked anew when it came again meanwhile.
        if (delivery.seat !== seat) continue;
      }
      if (how === 'ack' ? this.acknowledge(delivery) : this.#refuse(delivery, how)) return 'settled';
      delivery.unseat();
    }
  }

  #answer(delivery: AmqpDelivery, say: (seat: Seat) => void): boolean {
    const { seat } = delivery;
    if (seat === undefined) return false;
    try {
      say(seat);
    } catch {
      return false; // The channel has just closed; its event is on the way.
    }
    faultPoint('amqp.answered');
    this.#parts.held.delete(delivery);
    this.#parts.freed();
    return true;
  }
}
