/**
 * Lamport's logical clock, by which the events of several machines are put in order although their
 * wall clocks differ (WIRE 11.6). One for each worker, shared by its events and its mailbox.
 */

/** A count that real traffic never reaches. What claims more would push everybody's clock out of the exact numbers. */
const HIGHEST = 2 ** 52;

export class LamportClock {
  #value: number;

  constructor(start = 0) {
    this.#value = start;
  }

  get value(): number {
    return this.#value;
  }

  /** One step, before something is sent; returns the number to send. */
  forward(): number {
    this.#value += 1;
    return this.#value;
  }

  /** Something arrived with the sender's clock: ours stands after both. What is no count of steps moves it one step. */
  adjust(other: unknown): number {
    if (typeof other === 'number' && Number.isInteger(other) && other > this.#value && other <= HIGHEST) this.#value = other;
    return this.forward();
  }
}
