/**
 * Deadlines of running tasks. Tasks with the same limit expire in the order they began, so each limit
 * has a plain linked list and the whole has one timer: arming and releasing cost a few assignments,
 * however many tasks run (a timer per task would be created and cancelled 20,000 times a second).
 */
import type { Clock, TimerHandle } from '../clock.js';

export interface Deadline {
  /** Never fires from now on. */
  release(): void;
}

class Entry implements Deadline {
  readonly dueMs: number;
  readonly expired: () => void;
  private readonly list: DeadlineList;
  previous: Entry | undefined;
  next: Entry | undefined;
  private listed = true;

  constructor(dueMs: number, expired: () => void, list: DeadlineList) {
    this.dueMs = dueMs;
    this.expired = expired;
    this.list = list;
  }

  release(): void {
    if (!this.listed) return;
    this.listed = false;
    this.list.remove(this);
  }
}

class DeadlineList {
  head: Entry | undefined;
  private tail: Entry | undefined;

  append(entry: Entry): void {
    entry.previous = this.tail;
    if (this.tail === undefined) this.head = entry;
    else this.tail.next = entry;
    this.tail = entry;
  }

  remove(entry: Entry): void {
    if (entry.previous === undefined) this.head = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.tail = entry.previous;
    else entry.next.previous = entry.previous;
  }
}

export class TimeLimits {
  private readonly clock: Clock;
  private readonly lists = new Map<number, DeadlineList>();
  private timer: TimerHandle | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * Calls `expired` once, `limitMs` after `startedMs` (a monotonic time, default now), unless released before.
   */
  arm(limitMs: number, expired: () => void, startedMs: number = this.clock.monotonicMs()): Deadline {
    let list = this.lists.get(limitMs);
    if (list === undefined) this.lists.set(limitMs, (list = new DeadlineList()));
    const entry = new Entry(startedMs + limitMs, expired, list);
    list.append(entry);
    if (entry.dueMs < this.timerDueMs) this.setTimer(entry.dueMs);
    return entry;
  }

  private setTimer(dueMs: number): void {
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = this.clock.setTimeout(() => this.fire(), dueMs - this.clock.monotonicMs()).unref();
  }

  private fire(): void {
    this.timer = undefined;
    this.timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [limitMs, list] of this.lists) {
      for (let entry = list.head; entry !== undefined && entry.dueMs <= nowMs; entry = list.head) {
        entry.release();
        entry.expired();
      }
      if (list.head === undefined) this.lists.delete(limitMs);
      else nextMs = Math.min(nextMs, list.head.dueMs);
    }
    // What expired may have armed another deadline meanwhile.
    if (nextMs < this.timerDueMs) this.setTimer(nextMs);
  }
}
