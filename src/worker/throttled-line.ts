/** The requests of one task that wait for a permit, then for their place in time, and begin then. */
import { randomUUID } from 'node:crypto';
import type { SharedLimits } from '../broker.js';
import type { Clock, TimerHandle } from '../clock.js';
import { parseRate } from '../execution/rate.js';
import { reserveSlots, type SlotGrant, type SlotLine } from '../execution/slot-line.js';
import type { Request } from './request.js';
import type { TaskPlan } from './task-plan.js';

/** Places are reserved so far ahead: long enough to ask the broker seldom, short enough for a change of the limit. */
const AHEAD_MS = 250;
/** What begins within this time waits here, if it is not too much. */
const HELD_FOR_MS = 1_500;
const MOST_HELD = 1_000;
/** Without a rate nobody knows when a permit will be free. */
const HELD_FOR_PERMITS = 200;
/** What is put back comes back after so long at least, and at most when the line has long to go. */
const SHORTEST_AWAY_MS = 2_000;
const LONGEST_AWAY_MS = 30_000;
/** So many a second come back at least, that other workers may have them. */
const BACK_PER_S = 100;
const PERMIT_LEASE_MS = 30_000;
/** Nobody tells when a permit of another worker is free. */
const ASK_AGAIN_MS = 100;
const BROKER_AWAY_MS = 1_000;

export interface LineParts {
  readonly clock: Clock;
  readonly limits: SharedLimits | undefined;
  readonly ownerId?: (() => string | undefined) | undefined;
  readonly rates: 'kept' | 'ignored';
  readonly begin: (requests: readonly Request[]) => void;
}

export class ThrottledLine {
  readonly #plan: TaskPlan;
  readonly #parts: LineParts;
  readonly #worker = randomUUID();
  readonly #own: SlotLine = { nextMs: 0 };
  /** Without a permit. */
  #first: Request[] = [];
  /** With one, and without a place. */
  #second: Request[] = [];
  /** With a place, the nearest first. */
  #third: { readonly request: Request; readonly atMs: number }[] = [];
  /** Running, by permit. */
  readonly #permits = new Set<string>();
  #lastPermit = 0;
  /** When the last one that was put back comes back. */
  #backAtMs = 0;
  #asking = false;
  /** Since it began to ask. */
  #changed = false;
  #askTimer: TimerHandle | undefined;
  #beginTimer: TimerHandle | undefined;
  #renewTimer: TimerHandle | undefined;
  #closed = false;

  constructor(plan: TaskPlan, parts: LineParts) {
    this.#plan = plan;
    this.#parts = parts;
    plan.limitChanged = () => this.#ask();
  }

  get size(): number {
    return this.#first.length + this.#second.length + this.#third.length;
  }

  get waiting(): readonly Request[] {
    return [...this.#first, ...this.#second, ...this.#third.map(({ request }) => request)];
  }

  /** When another one may come back, for which there is no room now; undefined when there is. */
  fullUntilMs(): number | undefined {
    const { maxConcurrency } = this.#plan;
    const perSecond = this.#perSecond();
    const forRate = perSecond === 0 ? MOST_HELD : Math.min(Math.max(Math.ceil((perSecond * HELD_FOR_MS) / 1000), 2), MOST_HELD);
    const forPermits = maxConcurrency === undefined ? MOST_HELD : Math.max(HELD_FOR_PERMITS, maxConcurrency);
    if (this.size < Math.min(forRate, forPermits)) return undefined;
    const awayMs = perSecond === 0 ? SHORTEST_AWAY_MS : Math.min(Math.max(1000 / perSecond, SHORTEST_AWAY_MS), LONGEST_AWAY_MS);
    const stepMs = 1000 / Math.max(BACK_PER_S, 2 * perSecond);
    this.#backAtMs = Math.max(this.#backAtMs + stepMs, this.#parts.clock.nowMs() + awayMs);
    return this.#backAtMs;
  }

  add(request: Request): void {
    this.#first.push(request);
    this.#ask();
  }

  /** Takes out everything that waits. */
  clear(): Request[] {
    this.#askTimer?.cancel();
    this.#beginTimer?.cancel();
    this.#askTimer = this.#beginTimer = undefined;
    const all = [...this.#third.splice(0).map(({ request }) => request), ...this.#second.splice(0), ...this.#first.splice(0)];
    for (const request of all) request.letGo();
    return all;
  }

  close(): void {
    this.#closed = true;
    this.#askTimer?.cancel();
    this.#beginTimer?.cancel();
    this.#renewTimer?.cancel();
  }

  #perSecond(): number {
    if (this.#parts.rates === 'ignored') return 0;
    const rate = parseRate(this.#plan.rateLimit);
    return rate.kind === 'rate' ? rate.perSecond : 0;
  }

  #ask(): void {
    if (this.#asking || this.#closed) {
      this.#changed = true;
      return;
    }
    this.#asking = true;
    this.#changed = false;
    this.#askTimer?.cancel();
    this.#askTimer = undefined;
    this.#advance().then(
      (againInMs) => this.#askLater(againInMs),
      () => this.#askLater(BROKER_AWAY_MS),
    );
  }

  #askLater(inMs: number | undefined): void {
    this.#asking = false;
    if (this.#closed) return;
    if (inMs === undefined) {
      if (this.#changed) this.#ask();
      return;
    }
    this.#askTimer = this.#parts.clock.setTimeout(() => this.#ask(), inMs);
  }

  /** Moves on what can be moved on; resolves with when to try again, undefined for when something changes. */
  async #advance(): Promise<number | undefined> {
    this.#first = this.#first.filter((request) => !request.fenced);
    const permits = await this.#takePermits();
    const places = await this.#takePlaces();
    return permits === undefined ? places : Math.min(permits, places ?? Number.POSITIVE_INFINITY);
  }

  async #takePermits(): Promise<number | undefined> {
    const { maxConcurrency, concurrencyIsGlobal } = this.#plan;
    const { limits } = this.#parts;
    if (maxConcurrency === undefined) {
      this.#second.push(...this.#first.splice(0));
      return undefined;
    }
    const wanted = Math.min(this.#first.length, maxConcurrency - this.#permits.size);
    if (wanted <= 0) return undefined;
    const owner = this.#parts.ownerId?.();
    const holder = owner === undefined ? this.#worker : `${owner}:${this.#worker}`;
    const ids = Array.from({ length: wanted }, () => `${holder}-${(this.#lastPermit += 1)}`);
    const granted =
      concurrencyIsGlobal && limits !== undefined
        ? await limits.acquire(this.#plan.task.name, ids, { limit: maxConcurrency, leaseMs: PERMIT_LEASE_MS })
        : ids;
    for (const id of granted) {
      const request = this.#first.shift();
      this.#permits.add(id);
      if (request === undefined) {
        // Cleared meanwhile.
        this.#giveBackPermit(id);
        continue;
      }
      request.release = () => this.#giveBackPermit(id);
      this.#second.push(request);
    }
    if (granted.length > 0) this.#renewLater();
    return granted.length < wanted ? ASK_AGAIN_MS : undefined;
  }

  async #takePlaces(): Promise<number | undefined> {
    const perSecond = this.#perSecond();
    if (this.#second.length === 0) return undefined;
    if (perSecond === 0) {
      this.#parts.begin(this.#second.splice(0));
      return undefined;
    }
    const grant = await this.#reserve(1000 / perSecond, this.#second.length);
    const nowMs = this.#parts.clock.monotonicMs();
    for (const waitMs of grant.waitsMs) {
      const request = this.#second.shift();
      if (request !== undefined) this.#third.push({ request, atMs: nowMs + waitMs });
    }
    this.#beginDue();
    if (this.#second.length === 0) return undefined;
    return Math.min(Math.max(grant.nextMs - AHEAD_MS / 2, 5), LONGEST_AWAY_MS);
  }

  async #reserve(intervalMs: number, count: number): Promise<SlotGrant> {
    const { limits, clock } = this.#parts;
    const wish = { intervalMs, count, aheadMs: AHEAD_MS };
    if (this.#plan.rateIsGlobal && limits !== undefined) return limits.reserve(this.#plan.task.name, wish);
    return reserveSlots(this.#own, wish, clock.monotonicMs());
  }

  #beginDue(): void {
    this.#beginTimer?.cancel();
    this.#beginTimer = undefined;
    const nowMs = this.#parts.clock.monotonicMs();
    let due = 0;
    while (due < this.#third.length && (this.#third[due]?.atMs ?? 0) <= nowMs) due += 1;
    const begun = this.#third.splice(0, due).map(({ request }) => request);
    const next = this.#third[0];
    if (next !== undefined) this.#beginTimer = this.#parts.clock.setTimeout(() => this.#beginDue(), Math.ceil(next.atMs - nowMs));
    if (begun.length > 0) this.#parts.begin(begun);
  }

  #giveBackPermit(id: string): void {
    this.#permits.delete(id);
    const { limits } = this.#parts;
    if (this.#plan.concurrencyIsGlobal) limits?.release(this.#plan.task.name, [id]).catch(() => {}); // It expires.
    if (this.#first.length > 0) this.#ask();
  }

  #renewLater(): void {
    const { limits, clock } = this.#parts;
    if (!this.#plan.concurrencyIsGlobal || this.#renewTimer !== undefined || limits === undefined) return;
    this.#renewTimer = clock.setTimeout(() => {
      this.#renewTimer = undefined;
      if (this.#permits.size === 0 || this.#closed) return;
      limits.acquire(this.#plan.task.name, [...this.#permits], { limit: 0, leaseMs: PERMIT_LEASE_MS }).catch(() => {});
      this.#renewLater();
    }, PERMIT_LEASE_MS / 3);
    this.#renewTimer.unref();
  }
}
