/** The delivery that engines hand out: answers once, and knows when its answer no longer counts. */
import type { Delivery, ReturnCause, Settled } from '../broker.js';
import { MessageStateError } from '../errors.js';
import type { Message } from '../protocol/message.js';

export type Answer =
  | { readonly kind: 'ack' }
  | { readonly kind: 'requeue'; readonly position: 'front' | 'back'; readonly after: ReturnCause }
  | { readonly kind: 'reject'; readonly reason: string }
  | { readonly kind: 'park'; readonly dueAtMs: number };

const ACK: Answer = { kind: 'ack' };

export abstract class HeldDelivery implements Delivery {
  readonly message: Message;
  readonly queue: string;
  readonly deliveryTag: string;
  /** Written once more where an engine has to look it up. */
  redeliveryCount: number;
  #answered = false;
  #fenced = false;

  constructor(message: Message, queue: string, deliveryTag: string, redeliveryCount: number) {
    this.message = message;
    this.queue = queue;
    this.deliveryTag = deliveryTag;
    this.redeliveryCount = redeliveryCount;
  }

  /** Passes the answer to the engine; called once, and never for a fenced delivery. */
  protected abstract settle(answer: Answer): Promise<Settled>;

  get redelivered(): boolean {
    return this.redeliveryCount > 0;
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  /** Somebody else has the message: from here on an answer is `fenced`. */
  fence(): void {
    this.#fenced = true;
  }

  ack(): Promise<Settled> {
    return this.answer(ACK);
  }

  requeue(position: 'front' | 'back', after: ReturnCause = 'return'): Promise<Settled> {
    return this.answer({ kind: 'requeue', position, after });
  }

  reject(reason: string): Promise<Settled> {
    return this.answer({ kind: 'reject', reason });
  }

  park(dueAt: Date): Promise<Settled> {
    const dueAtMs = dueAt.getTime();
    return this.answer({ kind: 'park', dueAtMs: Number.isNaN(dueAtMs) ? 0 : dueAtMs });
  }

  private answer(answer: Answer): Promise<Settled> {
    return this.attempt(() => this.settle(answer));
  }

  /**
   * Notes that the answer is given, for an engine in a hurry; it calls {@link fence} itself when the answer came too late.
   * What it gives is the reply when there is nothing to send: it was answered before, or somebody else has the message.
   */
  protected begin(): Promise<Settled> | undefined {
    if (this.#answered) return Promise.reject(this.#twice());
    this.#answered = true;
    return this.#fenced ? Promise.resolve('fenced') : undefined;
  }

  /** For an engine that answers and more; whatever is not a {@link Settled} leaves the delivery unanswered. */
  protected async attempt<Other = never>(settle: () => Promise<Settled | Other>): Promise<Settled | Other> {
    const early = this.begin();
    if (early !== undefined) return early;
    const reply = await settle();
    if (reply === 'fenced') this.#fenced = true;
    else if (reply !== 'settled') this.#answered = false;
    return reply;
  }

  #twice(): MessageStateError {
    return new MessageStateError(`delivery ${this.deliveryTag} of queue ${this.queue} was settled twice`);
  }
}
