/** Deliveries that wait here, unsettled, for the moment they are due: too near for the server to keep them. */
import type { Clock, TimerHandle } from '../../clock.js';
import type { AmqpDelivery } from './delivery.js';

export class Postponed {
  readonly #clock: Clock;
  readonly #due: (delivery: AmqpDelivery) => void;
  readonly #timers = new Map<AmqpDelivery, { readonly timer: TimerHandle; readonly dueAtMs: number }>();

  constructor(clock: Clock, due: (delivery: AmqpDelivery) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  get size(): number {
    return this.#timers.size;
  }

  add(delivery: AmqpDelivery, dueAtMs: number): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(delivery);
      this.#due(delivery);
    }, dueAtMs - this.#clock.nowMs());
    this.#timers.set(delivery, { timer, dueAtMs });
  }

  /** Those of these queues, which wait no more. */
  take(queues: readonly string[]): { readonly delivery: AmqpDelivery; readonly dueAtMs: number }[] {
    const taken = [...this.#timers].filter(([{ queue }]) => queues.includes(queue));
    return taken.map(([delivery, { timer, dueAtMs }]) => {
      timer.cancel();
      this.#timers.delete(delivery);
      return { delivery, dueAtMs };
    });
  }

  clear(): void {
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }
}
