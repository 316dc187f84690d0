/**
 * What this worker took and put back until its time, for `inspect scheduled`: the broker keeps it, and
 * whoever is free then runs it, but an operator asks the worker. The soonest of a bounded number.
 */
import type { Clock } from '../clock.js';
import type { Request } from './request.js';

const MOST = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;

export class Postponed {
  readonly #clock: Clock;
  /** In order of their time. */
  #requests: Request[] = [];
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(request: Request): void {
    const at = this.#position(request.etaMs);
    // The usual case under load: full, and this one is later than all.
    if (at >= MOST) return;
    this.#requests.splice(at, 0, request);
    this.#bytes += sizeOf(request);
    while (this.#requests.length > MOST || this.#bytes > MOST_BYTES) {
      const last = this.#requests.pop();
      if (last === undefined) break;
      this.#bytes -= sizeOf(last);
    }
  }

  /** Those whose time has not come. */
  get waiting(): readonly Request[] {
    const due = this.#position(this.#clock.nowMs());
    for (const request of this.#requests.splice(0, due)) this.#bytes -= sizeOf(request);
    return this.#requests;
  }

  /** Where one of this time belongs: behind all that are not later. */
  #position(etaMs: number): number {
    let [low, high] = [0, this.#requests.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#requests[middle] as Request).etaMs <= etaMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function sizeOf(request: Request): number {
  return request.delivery.message.body.byteLength;
}
