/** How often something happens, over the last ten seconds, in ten counters. */
const SECONDS = 10;

export class Rate {
  readonly #counts = new Array<number>(SECONDS).fill(0);
  #newestS = Number.NEGATIVE_INFINITY;
  #firstS = Number.POSITIVE_INFINITY;

  count(nowS: number): void {
    const second = Math.floor(nowS);
    this.#moveTo(second);
    // Somebody may have set the clock back.
    if (second <= this.#newestS - SECONDS) return;
    this.#firstS = Math.min(this.#firstS, nowS);
    this.#counts[modulo(second)] = (this.#counts[modulo(second)] ?? 0) + 1;
  }

  /** Over the time that has been watched, if that is shorter. */
  perSecond(nowS: number): number {
    this.#moveTo(Math.floor(nowS));
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    return total === 0 ? 0 : total / Math.min(Math.max(nowS - this.#firstS, 1), SECONDS);
  }

  #moveTo(second: number): void {
    if (second <= this.#newestS) return;
    const passed = Math.min(second - this.#newestS, SECONDS);
    for (let back = 0; back < passed; back += 1) this.#counts[modulo(second - back)] = 0;
    this.#newestS = second;
  }
}

function modulo(second: number): number {
  return ((second % SECONDS) + SECONDS) % SECONDS;
}
