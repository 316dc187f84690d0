/** What waits its turn, in order; taking the first is cheap however many there are. */
export class Backlog<Item> {
  #items: Item[] = [];
  /** Where the first one stands: moving all of them up for each that leaves would cost more than sending it. */
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** The first one has had its turn. */
  drop(): void {
    this.#head += 1;
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  /** To the front, in this order. */
  putBack(items: readonly Item[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  /** Takes out all that fit, wherever they stand. */
  takeOut(which: (item: Item) => boolean): readonly Item[] {
    const out: Item[] = [];
    const rest: Item[] = [];
    for (const item of this.#items.slice(this.#head)) (which(item) ? out : rest).push(item);
    if (out.length === 0) return out;
    this.#items = rest;
    this.#head = 0;
    return out;
  }
}
