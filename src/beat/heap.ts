/** A binary heap of items that know their place, so that one in the middle can be moved or taken out. */

export interface HeapItem {
  /** Smallest first. */
  dueMs: number;
  /** Where it stands; -1 when it is in no heap. Only the heap writes it. */
  place: number;
}

export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  /** Puts it in, or to its right place when it is in already and `dueMs` was changed. */
  put(item: Item): void {
    if (item.place < 0) {
      item.place = this.#items.length;
      this.#items.push(item);
    }
    this.#rise(item);
    this.#sink(item);
  }

  remove(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    const last = this.#items.pop() as Item;
    item.place = -1;
    if (last === item) return;
    this.#items[place] = last;
    last.place = place;
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: Item): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >> 1] as Item;
      if (parent.dueMs <= item.dueMs) return;
      this.#swap(parent, item);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#items[2 * item.place + 1];
      const right = this.#items[2 * item.place + 2];
      const child = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (child === undefined || child.dueMs >= item.dueMs) return;
      this.#swap(item, child);
    }
  }

  #swap(a: Item, b: Item): void {
    [a.place, b.place] = [b.place, a.place];
    this.#items[a.place] = a;
    this.#items[b.place] = b;
  }
}
