/**
 * Keeps our leases and finds the dead. No I/O of its own: a {@link LeaseStore} and a clock are given.
 *
 * An owner is dead when its beat stood still through {@link DEAD_AFTER_MS} of observations without a
 * gap. The gap matters: when the store was frozen or restarted, or when we ourselves were, everybody's
 * beat stands still, and nobody is dead. So whoever did not look for {@link LONGEST_GAP_MS} knows
 * nothing and starts over. (docs/decisions/0003)
 */
import type { Clock, TimerHandle } from '../clock.js';
import { Pace, writeAbout } from './about.js';
import type { Beat, LeaseStore } from './lease-store.js';
import type { QueueCount } from './tally.js';

/** A Python worker with a visibility timeout of two seconds must never see a score that old. */
export const TICK_MS = 1_000;
/** Seven silent seconds: with one more to notice and one to act, work is elsewhere within ten. */
export const DEAD_AFTER_MS = 7_000;
export const LONGEST_GAP_MS = 2_500;

/** What was seen of the other owners, and who of them is dead. */
export class OwnerWatch {
  readonly #seen = new Map<string, { readonly beat: Beat; readonly sinceMs: number }>();
  #lastLookMs = Number.NEGATIVE_INFINITY;

  /**
   * @param nowMs - When the answer arrived, by a clock that never jumps.
   * @returns The dead, with the beat that they died at.
   */
  observe(nowMs: number, beats: ReadonlyMap<string, Beat>): ReadonlyMap<string, Beat> {
    if (nowMs - this.#lastLookMs > LONGEST_GAP_MS) this.#seen.clear();
    this.#lastLookMs = nowMs;
    const dead = new Map<string, Beat>();
    for (const owner of this.#seen.keys()) if (!beats.has(owner)) this.#seen.delete(owner);
    for (const [owner, beat] of beats) {
      const before = this.#seen.get(owner);
      if (before === undefined || before.beat !== beat) this.#seen.set(owner, { beat, sinceMs: nowMs });
      else if (nowMs - before.sinceMs >= DEAD_AFTER_MS) dead.set(owner, beat);
    }
    return dead;
  }
}

/** What the keeper has to say. Called synchronously; must not throw. */
export interface LeaseReports {
  /** We hold our leases, as of now. */
  renewed(): void;
  /** These deliveries are somebody else's now. */
  lost(tags: readonly string[]): void;
  /** The store did not know us any more: compare what we hold with what it says. */
  forgotten(): void;
  /** A dead owner's deliveries went back to their queues. */
  tookOver(ownerId: string, count: number): void;
  /** The queues that operators have paused: told at first, and whenever there are any. */
  paused(queues: readonly string[]): void;
  problem(message: string): void;
}

/** What a consumer has to say of itself. */
export interface ConsumerCounts {
  /** The worker's node name. */
  readonly node: string;
  readonly counts: readonly QueueCount[];
}

export interface LeaseKeeperOptions {
  readonly store: LeaseStore;
  readonly ownerId: string;
  readonly clock: Clock;
  readonly reports: LeaseReports;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #watch = new OwnerWatch();
  #timer: TimerHandle | undefined;
  #round: Promise<void> | undefined;
  #nextBeatMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  #lastProblem = '';
  readonly #pace = new Pace();
  #about: ConsumerCounts = { node: '', counts: [] };
  #toldOfPauses = true;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** What is written down of the consumer with each beat. */
  tell(about: ConsumerCounts): void {
    this.#about = about;
  }

  start(): void {
    if (!this.#stopped && this.#round === undefined && this.#timer === undefined) this.#begin();
  }

  /** Resolves when no call to the store is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#round;
  }

  #begin(): void {
    this.#timer = undefined;
    this.#round = this.#oneRound();
  }

  async #oneRound(): Promise<void> {
    const waitMs = await this.#work();
    this.#round = undefined;
    if (!this.#stopped) this.#timer = this.#options.clock.setTimeout(() => this.#begin(), waitMs);
  }

  /** One round; says how long to rest. */
  async #work(): Promise<number> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    let nextDueInMs: number | undefined;
    try {
      if (startMs >= this.#nextBeatMs) {
        this.#nextBeatMs = startMs + TICK_MS;
        await this.#beat();
        await this.#lookAround();
      }
      // Whatever is due is moved at its time, and not at the next tick.
      if (!this.#stopped) nextDueInMs = (await this.#options.store.housekeep()).nextDueInMs;
      this.#lastProblem = '';
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (problem !== this.#lastProblem) this.#options.reports.problem(problem);
      this.#lastProblem = problem;
    }
    const untilBeatMs = this.#nextBeatMs - clock.monotonicMs();
    return Math.max(1, Math.min(untilBeatMs, nextDueInMs ?? untilBeatMs));
  }

  async #beat(): Promise<void> {
    const { store, ownerId, reports } = this.#options;
    // Both in one round trip; the lease is what counts.
    const exchanged = store.exchange(ownerId, this.#aboutText()).catch(() => undefined);
    const { lost, forgotten } = await store.renew(ownerId);
    const paused = await exchanged;
    reports.renewed();
    if (lost.length > 0) reports.lost(lost);
    if (forgotten) reports.forgotten();
    if (paused === undefined) return;
    if (paused.length > 0 || this.#toldOfPauses) reports.paused(paused);
    this.#toldOfPauses = paused.length > 0;
  }

  #aboutText(): string {
    const { node, counts } = this.#about;
    const rates = this.#pace.rates(this.#options.clock.monotonicMs(), new Map(counts));
    const rounded = (rate: number): number => Math.round(rate * 10) / 10;
    return writeAbout({ node, queues: counts.map(([name, finished]) => ({ name, finished, rate: rounded(rates.get(name) ?? 0) })) });
  }

  async #lookAround(): Promise<void> {
    const { store, ownerId, clock, reports } = this.#options;
    const dead = this.#watch.observe(clock.monotonicMs(), await store.beats());
    for (const [owner, lastBeat] of dead) {
      if (owner === ownerId || this.#stopped) continue;
      const count = await store.takeOver(owner, lastBeat);
      if (count > 0) reports.tookOver(owner, count);
    }
  }
}
