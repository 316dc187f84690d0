/**
 * Counts what a consumer is done with, queue by queue, for operators. Nothing is counted when a task
 * ends: what was taken and is not held any more is done with.
 */
import type { Clock } from '../clock.js';

export interface TallyOptions {
  readonly clock: Clock;
  /** The queues that it takes from. */
  readonly queues: () => Iterable<string>;
  /** The queue of each delivery that it holds. */
  readonly held: () => Iterable<string>;
  readonly tell: (counts: readonly QueueCount[]) => void;
}

export type QueueCount = readonly [queue: string, finished: number];

/** Not more often than the beat with which it is written down. */
const TELL_EVERY_MS = 1_000;

export class Tally {
  readonly #options: TallyOptions;
  readonly #taken = new Map<string, number>();
  #scheduled = false;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  took(queue: string, count: number): void {
    this.#taken.set(queue, (this.#taken.get(queue) ?? 0) + count);
    this.changed();
  }

  /** Something was taken or answered: told within a second, and not before. */
  changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock
      .setTimeout(() => {
        this.#scheduled = false;
        this.tellNow();
      }, TELL_EVERY_MS)
      .unref();
  }

  tellNow(): void {
    const { queues, held, tell } = this.#options;
    const open = new Map<string, number>();
    for (const queue of held()) open.set(queue, (open.get(queue) ?? 0) + 1);
    tell([...queues()].map((queue) => [queue, (this.#taken.get(queue) ?? 0) - (open.get(queue) ?? 0)]));
  }
}
