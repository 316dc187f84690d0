/**
 * Which entries are due, kept in a heap by when they are: a tick looks at the first one, and costs the same
 * with ten thousand entries as with ten. Knows no clock: `tick(now)` → what is to be sent.
 *
 * An entry that was handed out stays out of the heap until {@link Scheduler.settle} or
 * {@link Scheduler.postpone} puts it back, so that it has one firing under way at a time, in order.
 */
import { Heap, type HeapItem } from './heap.js';
import { latestFiring } from './schedule.js';
import type { EntryState, ScheduleEntry } from './schedule-entry.js';
import type { TimeZone } from './time-zone.js';

/** One moment of one entry that has come. */
export interface Firing {
  readonly entry: ScheduleEntry;
  /** When it was due: with the entry's name, what makes two firings the same. */
  readonly slotMs: number;
  /** `skip`: missed, and nobody wants it any more; only to be remembered as over. */
  readonly verdict: 'send' | 'skip';
}

export interface TickOptions {
  /** Firings up to here had nobody to send them: the entry's `catchUp` decides about them. Milliseconds since 1970. */
  readonly missedUntilMs: number;
  /** `beatCronStartingDeadline`, milliseconds. */
  readonly startingDeadlineMs: number | undefined;
  /** At most this many firings at once. */
  readonly limit: number;
}

/** A schedule of somebody's own that failed; its entry fires no more. */
export interface ScheduleProblem {
  readonly entry: ScheduleEntry;
  readonly error: unknown;
}

interface Planned extends HeapItem {
  readonly entry: ScheduleEntry;
  lastRunAtMs: number;
  totalRunCount: number;
  underWay: boolean;
}

export class Scheduler {
  readonly #defaultZone: TimeZone;
  readonly #planned = new Map<string, Planned>();
  readonly #heap = new Heap<Planned>();
  readonly #problems: ScheduleProblem[] = [];

  constructor(defaultZone: TimeZone) {
    this.#defaultZone = defaultZone;
  }

  get size(): number {
    return this.#planned.size;
  }

  /** When there is something to do next; undefined when there never is. */
  get nextDueMs(): number | undefined {
    return this.#heap.first?.dueMs;
  }

  /** What went wrong since it was asked last. */
  takeProblems(): readonly ScheduleProblem[] {
    return this.#problems.splice(0);
  }

  names(): Iterable<string> {
    return this.#planned.keys();
  }

  entry(name: string): ScheduleEntry | undefined {
    return this.#planned.get(name)?.entry;
  }

  state(name: string): EntryState | undefined {
    const planned = this.#planned.get(name);
    return planned && { lastRunAtMs: planned.lastRunAtMs, totalRunCount: planned.totalRunCount };
  }

  /** Adds an entry, or replaces the one of that name; a firing that is under way then no longer counts. */
  put(entry: ScheduleEntry, state: EntryState): void {
    this.remove(entry.name);
    const planned: Planned = { entry, ...state, dueMs: 0, place: -1, underWay: false };
    this.#planned.set(entry.name, planned);
    this.#plan(planned);
  }

  remove(name: string): void {
    const planned = this.#planned.get(name);
    if (planned === undefined) return;
    this.#heap.remove(planned);
    this.#planned.delete(name);
  }

  clear(): void {
    for (const name of [...this.#planned.keys()]) this.remove(name);
  }

  /** What is due by now, the longest due first, one firing for each entry. */
  tick(nowMs: number, options: TickOptions): Firing[] {
    const firings: Firing[] = [];
    for (let first = this.#heap.first; first !== undefined && first.dueMs <= nowMs; first = this.#heap.first) {
      if (firings.length >= options.limit) break;
      this.#heap.remove(first);
      const planned = first;
      planned.underWay = true;
      const firing = this.#asking(planned, () => this.#firing(planned, nowMs, options));
      if (firing !== undefined) firings.push(firing);
    }
    return firings;
  }

  /** The firing is over, sent or not: the entry waits for its next one. */
  settle(firing: Firing): void {
    const planned = this.#underWay(firing);
    if (planned === undefined) return;
    planned.lastRunAtMs = Math.max(planned.lastRunAtMs, firing.slotMs);
    if (firing.verdict === 'send') planned.totalRunCount += 1;
    this.#plan(planned);
  }

  /** Somebody else had sent it: the entry goes on after what the store knows. */
  overtaken(firing: Firing, state: EntryState): void {
    const planned = this.#underWay(firing);
    if (planned === undefined) return;
    planned.lastRunAtMs = Math.max(state.lastRunAtMs, firing.slotMs);
    planned.totalRunCount = state.totalRunCount;
    this.#plan(planned);
  }

  /** It could not be sent for now; it is due again at `untilMs`. */
  postpone(firing: Firing, untilMs: number): void {
    const planned = this.#underWay(firing);
    if (planned === undefined) return;
    planned.underWay = false;
    planned.dueMs = untilMs;
    this.#heap.put(planned);
  }

  /**
   * The clock was put back: last runs that lie more than `toleranceMs` ahead become now, or their entries would
   * stand still until then. Gives their names.
   */
  rebase(nowMs: number, toleranceMs: number): readonly string[] {
    const ahead = [...this.#planned.values()].filter(({ lastRunAtMs }) => lastRunAtMs > nowMs + toleranceMs);
    for (const planned of ahead) {
      planned.lastRunAtMs = nowMs;
      if (!planned.underWay) this.#plan(planned);
    }
    return ahead.map(({ entry }) => entry.name);
  }

  #underWay({ entry }: Firing): Planned | undefined {
    const planned = this.#planned.get(entry.name);
    return planned?.entry === entry && planned.underWay ? planned : undefined;
  }

  #plan(planned: Planned): void {
    planned.underWay = false;
    const next = planned.entry.enabled ? this.#asking(planned, () => this.#slotAfter(planned)) : undefined;
    if (next === undefined) {
      this.#heap.remove(planned);
      return;
    }
    planned.dueMs = next;
    this.#heap.put(planned);
  }

  #slotAfter({ entry, lastRunAtMs }: Planned): number | undefined {
    const nextMs = entry.schedule.nextAfter(new Date(lastRunAtMs), this.#zoneOf(entry))?.getTime();
    if (nextMs === undefined) return undefined;
    if (!Number.isFinite(nextMs)) throw new TypeError('its nextAfter gave no valid date');
    // One that does not move on would fire without end.
    return Math.max(nextMs, lastRunAtMs + 1);
  }

  /** A postponed firing is due later than its moment, so that is asked for again. */
  #firing(planned: Planned, nowMs: number, { missedUntilMs, startingDeadlineMs }: TickOptions): Firing | undefined {
    const { entry, lastRunAtMs } = planned;
    const slotMs = this.#slotAfter(planned);
    if (slotMs === undefined) return undefined;
    const latestUntil = (untilMs: number): number => {
      const latest = latestFiring(entry.schedule, new Date(lastRunAtMs), new Date(untilMs), this.#zoneOf(entry));
      return Math.max(latest?.getTime() ?? slotMs, slotMs);
    };
    const hasDeadline = entry.schedule.hasStartingDeadline === true && startingDeadlineMs !== undefined;
    const tooOldMs = hasDeadline ? nowMs - startingDeadlineMs - 1 : Number.NEGATIVE_INFINITY;
    const missed = slotMs <= missedUntilMs;
    const wanted = missed && entry.catchUp !== 'all' ? latestUntil(missedUntilMs) : slotMs;
    if (missed && entry.catchUp === 'skip') return { entry, slotMs: wanted, verdict: 'skip' };
    if (wanted <= tooOldMs) return { entry, slotMs: latestUntil(tooOldMs), verdict: 'skip' };
    return { entry, slotMs: wanted, verdict: 'send' };
  }

  #asking<T>(planned: Planned, ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      this.#problems.push({ entry: planned.entry, error });
      return undefined;
    }
  }

  #zoneOf(entry: ScheduleEntry): TimeZone {
    return entry.timezone ?? this.#defaultZone;
  }
}
