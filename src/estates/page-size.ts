/** How many messages to ask for at once: as many as stay small together, for a message may be megabytes. */

/** A reply of a megabyte is about a millisecond of the server's time. */
const MOST_BYTES = 1_000_000;
const FIRST = 50;

export class PageSize {
  readonly #most: number;
  #count = FIRST;

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return Math.min(this.#count, this.#most);
  }

  /** Learns from what came. */
  saw(messages: readonly { readonly byteLength: number }[]): void {
    if (messages.length === 0) return;
    const average = messages.reduce((sum, { byteLength }) => sum + byteLength, 0) / messages.length;
    // Growing step by step: the next ones may be larger.
    this.#count = Math.max(1, Math.min(Math.floor(MOST_BYTES / Math.max(average, 1)), this.#count * 4));
  }
}
