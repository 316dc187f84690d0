/** How long somebody has been silent, for one who may have slept meanwhile: a frozen machine silences nobody. */
const LONGEST_GAP_MS = 2_500;

export class Silence {
  #heardMs: number;
  #lastLookMs: number;

  /** @param nowMs - By a clock that never jumps, here and below. */
  constructor(nowMs: number) {
    this.#heardMs = this.#lastLookMs = nowMs;
  }

  hear(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** To be called each second. */
  look(nowMs: number): number {
    if (nowMs - this.#lastLookMs > LONGEST_GAP_MS) this.#heardMs = nowMs;
    this.#lastLookMs = nowMs;
    return nowMs - this.#heardMs;
  }
}
