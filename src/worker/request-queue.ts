/** First in, first out, without moving what waits: an array and where it begins. */
import type { Request } from './request.js';

/** The used-up front is cut off when it is this long and half of all. */
const COMPACT_AT = 1_024;

export class RequestQueue implements Iterable<Request> {
  private items: (Request | undefined)[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(request: Request): void {
    this.items.push(request);
  }

  shift(): Request | undefined {
    if (this.head === this.items.length) return undefined;
    const request = this.items[this.head];
    this.items[this.head] = undefined;
    this.head += 1;
    if (this.head === this.items.length) {
      this.items.length = 0;
      this.head = 0;
    } else if (this.head >= COMPACT_AT && this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return request;
  }

  clear(): Request[] {
    const all = [...this];
    this.items = [];
    this.head = 0;
    return all;
  }

  *[Symbol.iterator](): Iterator<Request> {
    for (let index = this.head; index < this.items.length; index += 1) yield this.items[index] as Request;
  }
}
