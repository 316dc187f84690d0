/**
 * Requests that wait for their time in this process: those due within seconds, and all of them where the
 * broker cannot keep them. A heap and one timer; never early, whatever the clock of the timer says.
 */
import type { Clock, TimerHandle } from '../clock.js';
import type { Request } from './request.js';

/** A timer measures elapsed time, an eta is a time of day: someone may set the clock meanwhile. */
const LONGEST_SLEEP_MS = 1_000;

export class EtaTimer {
  private readonly clock: Clock;
  private readonly due: (requests: readonly Request[]) => void;
  /** A binary heap by eta, then by arrival. */
  private readonly heap: Request[] = [];
  private timer: TimerHandle | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, due: (requests: readonly Request[]) => void) {
    this.clock = clock;
    this.due = due;
  }

  get size(): number {
    return this.heap.length;
  }

  /** In no order. */
  get waiting(): readonly Request[] {
    return this.heap;
  }

  hold(request: Request): void {
    this.heap.push(request);
    this.rise(this.heap.length - 1);
    this.setTimer();
  }

  remove(request: Request): void {
    const index = this.heap.indexOf(request);
    if (index >= 0) this.removeAt(index);
  }

  /** Empties it; the earliest first. */
  clear(): Request[] {
    this.timer?.cancel();
    this.timer = undefined;
    this.timerDueMs = Number.POSITIVE_INFINITY;
    return this.heap.splice(0).sort(byEta);
  }

  private setTimer(): void {
    const next = this.heap[0];
    if (next === undefined || next.etaMs >= this.timerDueMs) return;
    this.timer?.cancel();
    this.timerDueMs = next.etaMs;
    const waitMs = Math.max(1, next.etaMs - this.clock.nowMs());
    this.timer = this.clock.setTimeout(() => this.wake(), Math.min(waitMs, LONGEST_SLEEP_MS));
  }

  private wake(): void {
    this.timer = undefined;
    this.timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.clock.nowMs();
    const ready: Request[] = [];
    for (let next = this.heap[0]; next !== undefined && next.etaMs <= nowMs; next = this.heap[0]) {
      this.removeAt(0);
      ready.push(next);
    }
    this.setTimer();
    if (ready.length > 0) this.due(ready);
  }

  private removeAt(index: number): void {
    const last = this.heap.pop() as Request;
    if (index === this.heap.length) return;
    this.heap[index] = last;
    this.rise(this.sink(index));
  }

  private rise(from: number): void {
    const { heap } = this;
    for (let index = from; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (byEta(heap[parent] as Request, heap[index] as Request) <= 0) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private sink(from: number): number {
    const { heap } = this;
    for (let index = from; ; ) {
      const left = 2 * index + 1;
      if (left >= heap.length) return index;
      const smaller = left + 1 < heap.length && byEta(heap[left + 1] as Request, heap[left] as Request) < 0 ? left + 1 : left;
      if (byEta(heap[index] as Request, heap[smaller] as Request) <= 0) return index;
      this.swap(index, smaller);
      index = smaller;
    }
  }

  private swap(a: number, b: number): void {
    const { heap } = this;
    [heap[a], heap[b]] = [heap[b] as Request, heap[a] as Request];
  }
}

function byEta(a: Request, b: Request): number {
  return a.etaMs - b.etaMs || a.receivedMs - b.receivedMs;
}
