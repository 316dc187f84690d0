/** What a consumer has handed out and is owed an answer for; without a channel it is in doubt whose it is. */
import type { Message } from '../../protocol/message.js';
import type { AmqpDelivery, Seat } from './delivery.js';

export class Held {
  /** In the order in which they were handed out. */
  readonly #deliveries = new Set<AmqpDelivery>();

  get size(): number {
    return this.#deliveries.size;
  }

  add(delivery: AmqpDelivery): void {
    this.#deliveries.add(delivery);
  }

  delete(delivery: AmqpDelivery): void {
    this.#deliveries.delete(delivery);
  }

  /** The channel is gone: all of them are in doubt. */
  unseat(): Iterable<AmqpDelivery> {
    for (const delivery of this.#deliveries) delivery.unseat();
    return this.#deliveries;
  }

  /** @returns The one that was in doubt, and is ours again with this message. */
  resume(seat: Seat, queue: string, message: Message): AmqpDelivery | undefined {
    for (const delivery of this.#deliveries) {
      if (delivery.seat !== undefined || delivery.queue !== queue || !delivery.isTwinOf(message)) continue;
      delivery.reseat(seat);
      return delivery;
    }
    return undefined;
  }

  /** Gives up what is in doubt, or all of it, and says what that was. */
  giveUp(which: 'in doubt' | 'all'): AmqpDelivery[] {
    const given = [...this.#deliveries].filter(({ seat }) => which === 'all' || seat === undefined);
    for (const delivery of given) {
      delivery.fence();
      this.#deliveries.delete(delivery);
    }
    return given;
  }
}
