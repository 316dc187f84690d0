/**
 * The queues that a consumer takes from, in their turn: whoever has just delivered stands last, so that
 * none starves behind a full one (WIRE 6.4).
 */
import type { Queue } from '../broker.js';

/** kombu's `queue_order_strategy`; only the first moves anything. */
export type QueueOrder = 'round_robin' | 'priority' | 'sorted';

export class Rotation {
  readonly #order: QueueOrder;
  readonly #queues = new Map<string, Queue>();
  #turn: readonly string[] = [];

  constructor(queues: readonly Queue[], order: QueueOrder = 'round_robin') {
    this.#order = order;
    for (const queue of queues) this.add(queue);
  }

  get queues(): readonly Queue[] {
    return [...this.#queues.values()];
  }

  /** Their names, in the order of taking. */
  get turn(): readonly string[] {
    return this.#turn;
  }

  has(name: string): boolean {
    return this.#queues.has(name);
  }

  /** False when it is there already. */
  add(queue: Queue): boolean {
    if (this.#queues.has(queue.name)) return false;
    this.#queues.set(queue.name, queue);
    const turn = [...this.#turn, queue.name];
    this.#turn = this.#order === 'sorted' ? turn.sort() : turn;
    return true;
  }

  /** False when it is not there. */
  remove(name: string): boolean {
    if (!this.#queues.delete(name)) return false;
    this.#turn = this.#turn.filter((queue) => queue !== name);
    return true;
  }

  /** @returns Whether the turn is another one now. */
  served(names: readonly string[]): boolean {
    if (this.#order !== 'round_robin' || names.length === 0 || this.#turn.length < 2) return false;
    const still = names.filter((name) => this.#queues.has(name));
    this.#turn = [...this.#turn.filter((queue) => !still.includes(queue)), ...still];
    return true;
  }
}
