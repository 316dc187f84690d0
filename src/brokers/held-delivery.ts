/** The delivery that engines hand out: answers once, and knows when its answer no longer counts. */
import type { Delivery, Settled } from '../broker.js';
import { MessageStateError } from '../errors.js';
import type { Message } from '../protocol/message.js';

export type Answer =
  | { readonly kind: 'ack' }
  | { readonly kind: 'requeue'; readonly position: 'front' | 'back' }
  | { readonly kind: 'reject'; readonly reason: string }
  | { readonly kind: 'park'; readonly dueAtMs: number };

export interface DeliveryOwner<Held> {
  /** Called once for each delivery, and never for a fenced one. */
  settle(delivery: Held, answer: Answer): Promise<Settled>;
}

const ACK: Answer = { kind: 'ack' };

export abstract class HeldDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly deliveryTag: string;
  readonly redeliveryCount: number;
  #state: 'held' | 'answered' | 'fenced' = 'held';
  /** The first answer, given after the lease was gone: a second one is still a bug of the caller's. */
  #answeredLate = false;

  constructor(message: Message, queue: string, deliveryTag: string, redeliveryCount: number) {
    this.message = message;
    this.queue = queue;
    this.deliveryTag = deliveryTag;
    this.redeliveryCount = redeliveryCount;
  }

  /** Passes the answer to the engine. */
  protected abstract settle(answer: Answer): Promise<Settled>;

  get redelivered(): boolean {
    return this.redeliveryCount > 0;
  }

  get fenced(): boolean {
    return this.#state === 'fenced';
  }

  /** Takes the delivery from its holder: from here on every answer is `fenced`. False when it has been answered already. */
  fence(): boolean {
    if (this.#state !== 'held') return false;
    this.#state = 'fenced';
    return true;
  }

  ack(): Promise<Settled> {
    return this.answer(ACK);
  }

  requeue(position: 'front' | 'back'): Promise<Settled> {
    return this.answer({ kind: 'requeue', position });
  }

  reject(reason: string): Promise<Settled> {
    return this.answer({ kind: 'reject', reason });
  }

  park(dueAt: Date): Promise<Settled> {
    const dueAtMs = dueAt.getTime();
    return this.answer({ kind: 'park', dueAtMs: Number.isNaN(dueAtMs) ? 0 : dueAtMs });
  }

  /**
   * Marks it as answered, for a settlement that acknowledges together with a result.
   * @returns false when it is fenced and nothing may be written.
   * @throws MessageStateError when it was answered before.
   */
  claimAnswer(): boolean {
    if (this.#state === 'answered' || this.#answeredLate) {
      throw new MessageStateError(`delivery ${this.deliveryTag} of queue ${this.queue} was settled twice`);
    }
    if (this.#state === 'fenced') {
      this.#answeredLate = true;
      return false;
    }
    this.#state = 'answered';
    return true;
  }

  private async answer(answer: Answer): Promise<Settled> {
    return this.claimAnswer() ? this.settle(answer) : 'fenced';
  }
}
