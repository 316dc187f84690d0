/** What has come and is not handed out yet: too many are, it is not due, or it has to be counted first. */
import type { Clock } from '../../clock.js';
import { faultPoint } from '../../fault-points.js';
import type { Deaths } from './deaths.js';
import type { AmqpDelivery } from './delivery.js';
import type { Held } from './held.js';

export interface ArrivalsParts {
  readonly clock: Clock;
  readonly held: Held;
  readonly deaths: Deaths;
  /** How many may be held; undefined while nothing is handed out. */
  readonly limit: () => number | undefined;
  readonly deliver: (batch: readonly AmqpDelivery[]) => void;
  /** Back from the server before its time. */
  readonly early: (delivery: AmqpDelivery) => void;
}

export class Arrivals {
  readonly #parts: ArrivalsParts;
  /** In the order in which they came. */
  #waiting: AmqpDelivery[] = [];
  #handingOut = false;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  add(delivery: AmqpDelivery): void {
    this.#waiting.push(delivery);
    if (delivery.countedIn === undefined) this.handOutSoon();
    else void this.#count(delivery, delivery.countedIn);
  }

  /** Behind all that came in this turn of the socket. */
  handOutSoon(): void {
    if (this.#handingOut || this.#waiting.length === 0) return;
    this.#handingOut = true;
    queueMicrotask(() => {
      this.#handingOut = false;
      this.#handOut();
    });
  }

  /** Those of these queues, which are handed out no more. */
  take(queues: readonly string[]): readonly AmqpDelivery[] {
    const taken = this.#waiting.filter(({ queue }) => queues.includes(queue));
    this.#waiting = this.#waiting.filter(({ queue }) => !queues.includes(queue));
    return taken;
  }

  takeAll(): readonly AmqpDelivery[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  async #count(delivery: AmqpDelivery, countedIn: string): Promise<void> {
    delivery.count(await this.#parts.deaths.count(countedIn));
    this.handOutSoon();
  }

  #handOut(): void {
    const { clock, held, limit, deliver, early } = this.#parts;
    const most = limit();
    if (most === undefined) return;
    const nowMs = clock.nowMs();
    const batch: AmqpDelivery[] = [];
    const rest: AmqpDelivery[] = [];
    /** Queues whose next message is not counted yet: what is behind it stays there. */
    const counting = new Set<string>();
    for (const delivery of this.#waiting) {
      if (!delivery.isCounted || counting.has(delivery.queue)) {
        counting.add(delivery.queue);
        rest.push(delivery);
      } else if (delivery.dueAtMs > nowMs) early(delivery);
      else if (held.size < most) {
        held.add(delivery);
        batch.push(delivery);
      } else rest.push(delivery);
    }
    this.#waiting = rest;
    if (batch.length === 0) return;
    deliver(batch);
    faultPoint('amqp.delivered');
  }
}
