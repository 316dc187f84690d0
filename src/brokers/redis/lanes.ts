/**
 * Several outboxes side by side, each with one call under way and a ledger of its own, so that a producer who is faster
 * than a round trip does not wait for it. Over one connection their calls keep the order in which they were made; only
 * after a broken connection may one lane's items come behind another's.
 */
import type { Outbox } from './outbox.js';

const LANES = 4;

export class Lanes<Item> {
  readonly #lanes: readonly Outbox<Item>[];
  #filling = 0;

  constructor(open: () => Outbox<Item>) {
    this.#lanes = Array.from({ length: LANES }, open);
  }

  /** The keys of the ledgers, to be removed at a clean end. */
  get ledgers(): readonly string[] {
    return this.#lanes.map((lane) => lane.ledger);
  }

  add(item: Item): void {
    this.#laneFor(item)?.add(item);
  }

  /** Resolves when nothing waits in any of them. */
  async idle(): Promise<void> {
    // What waits may go to another lane meanwhile.
    while (this.#lanes.some(({ size }) => size > 0)) await Promise.all(this.#lanes.map((lane) => lane.idle()));
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }

  /**
   * One fills until it has something under way, then the next that has not; with all of them busy it goes on filling, and
   * what it was given meanwhile goes to the next one with it, or that would come behind.
   */
  #laneFor(item: Item): Outbox<Item> | undefined {
    let free: number | undefined;
    for (let step = 0; step < LANES; step += 1) {
      const index = (this.#filling + step) % LANES;
      const lane = this.#lanes[index];
      // Only its own ledger knows whether this has arrived before.
      if (lane?.mayHaveSent(item) === true) return lane;
      if (lane?.isBusy === false) free ??= index;
    }
    const before = this.#lanes[this.#filling];
    if (free === undefined || free === this.#filling) return before;
    this.#filling = free;
    const next = this.#lanes[free];
    for (const waiting of before?.takeWaiting() ?? []) next?.add(waiting);
    return next;
  }
}
