/** A delivery of AMQP's: answered on the channel that it came by, and only there. */
import type { Settled } from '../../broker.js';
import type { AmqpChannel, AmqpDelivered } from '../../connections/amqp.js';
import type { Message } from '../../protocol/message.js';
import { type Answer, HeldDelivery } from '../held-delivery.js';

/** Where a delivery can be answered. */
export interface Seat {
  readonly channel: AmqpChannel;
  readonly raw: AmqpDelivered;
}

export interface AmqpDeliverySource {
  readonly message: Message;
  readonly queue: string;
  readonly tag: string;
  readonly redeliveryCount: number;
  readonly dueAtMs: number;
  readonly seat: Seat;
  /** Deaths that were counted before the server flagged it. */
  readonly counted: number;
  /** Where the others are counted, when the server does not. */
  readonly countedIn?: string;
}

/**
 * When its channel is gone the server gives the message to somebody, perhaps to us again: until that is
 * known the delivery stands between (*in doubt*), and an answer waits.
 */
export class AmqpDelivery extends HeldDelivery {
  /** Not to be handed out before. */
  readonly dueAtMs: number;
  readonly counted: number;
  readonly countedIn: string | undefined;
  #isCounted: boolean;
  readonly #settle: (delivery: AmqpDelivery, answer: Answer) => Promise<Settled>;
  #seat: Seat | undefined;
  #waiting: (() => void)[] | undefined;

  constructor(source: AmqpDeliverySource, settle: (delivery: AmqpDelivery, answer: Answer) => Promise<Settled>) {
    super(source.message, source.queue, source.tag, source.redeliveryCount);
    this.dueAtMs = source.dueAtMs;
    this.counted = source.counted;
    this.countedIn = source.countedIn;
    this.#isCounted = source.countedIn === undefined;
    this.#seat = source.seat;
    this.#settle = settle;
  }

  /** Not to be handed out before: who dies of it cannot count any more. */
  get isCounted(): boolean {
    return this.#isCounted;
  }

  /** So often it came back flagged, this time included. */
  count(times: number): void {
    this.redeliveryCount = this.counted + times;
    this.#isCounted = true;
  }

  get seat(): Seat | undefined {
    return this.#seat;
  }

  /** Resolves with the place to answer; undefined when somebody else has the message. */
  async seated(): Promise<Seat | undefined> {
    while (this.#seat === undefined && !this.fenced) await new Promise<void>((resolve) => (this.#waiting ??= []).push(resolve));
    return this.fenced ? undefined : this.#seat;
  }

  /** Its channel is gone. */
  unseat(): void {
    this.#seat = undefined;
  }

  /** The server gave it to us again. */
  reseat(seat: Seat): void {
    this.#seat = seat;
    this.#wake();
  }

  override fence(): void {
    super.fence();
    this.#wake();
  }

  /** Whether this is the same message, come again. */
  isTwinOf({ headers, body, properties }: Message): boolean {
    const own = this.message;
    return (
      own.headers['id'] === headers['id'] &&
      own.headers['retries'] === headers['retries'] &&
      own.headers['task'] === headers['task'] &&
      own.properties.correlationId === properties.correlationId &&
      Buffer.compare(own.body, body) === 0
    );
  }

  protected override settle(answer: Answer): Promise<Settled> {
    return this.#settle(this, answer);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const resolve of waiting ?? []) resolve();
  }
}
