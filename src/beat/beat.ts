/**
 * The beat: shows up at the store, and while it leads sends what is due. Only this file and its `ClockWatch` look at a clock.
 *
 * ```
 * starting → standby ⇄ leading → stopped
 *                └→ disconnected ┘
 * ```
 *
 * One loop, one step at a time: show up (each second), tick, sleep until the next firing or the next showing up.
 * A firing is handed to the store, which publishes and notes it in one step and refuses when somebody else
 * leads by now; so a beat that was frozen, or a message whose answer was lost, does no harm.
 */
import type { Clock } from '../clock.js';
import { closestName } from '../config/closest-name.js';
import { BrokerError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Signals } from '../signals.js';
import { CLOCK_TOLERANCE_MS, ClockWatch } from './clock-watch.js';
import { humanSeconds } from './human-seconds.js';
import { Roster } from './roster.js';
import { RunFile } from './run-file.js';
import type { ScheduleEntry } from './schedule-entry.js';
import { ATTEND_EVERY_MS, type Attendance, type ScheduleStore, type StateFile, type StoredEntries } from './schedule-store.js';
import { type CallPreparer, Sender, wordsOf } from './sending.js';
import type { TimeZone } from './time-zone.js';

/** What a beat is made of, opened by `ctq.ts` and handed in. */
export interface BeatParts {
  /** The code's entries. */
  readonly entries: readonly ScheduleEntry[];
  /** The tasks of this app; entries may name others. */
  readonly taskNames: ReadonlySet<string>;
  readonly store: ScheduleStore;
  readonly stateFile: StateFile | undefined;
  readonly producer: CallPreparer;
  /** The zone of entries that have none of their own. */
  readonly zone: TimeZone;
  /** Beats of one scope share a schedule; it is part of each task id. */
  readonly scope: string;
  readonly settings: BeatSettings;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signals: Signals;
  readonly nodename: string;
  /** For people, without its password. */
  readonly brokerUrl: string;
  /** Called in the end: closes what was opened for this beat. */
  readonly ended?: () => Promise<void>;
}

export interface BeatSettings {
  /** Longest sleep, seconds; 0 is Celery's 300. */
  readonly beatMaxLoopInterval: number;
  readonly beatSyncEvery: number;
  /** Seconds. */
  readonly beatCronStartingDeadline: number | null;
}

export type BeatState = 'starting' | 'standby' | 'leading' | 'disconnected' | 'stopped';

const DEFAULT_MAX_INTERVAL_S = 300;
/** So many firings take us and the server a few milliseconds; what is due besides comes right after. */
const MOST_FIRINGS = 200;
const RETRY_MS = 1_000;
const TELL_EVERY_MS = 10_000;
/** Stopping waits this long for a call to the store that is under way. */
const STOP_MS = 2_000;

export class Beat {
  readonly parts: BeatParts;
  readonly #roster: Roster;
  readonly #sender: Sender;
  readonly #runFile: RunFile;
  readonly #clockWatch: ClockWatch;
  #state: BeatState = 'starting';
  #stopping = false;
  #running: Promise<void> | undefined;
  #wake: () => void = () => {};
  #term = 0;
  #revision = 0;
  #leader: string | undefined;
  /** Firings up to here were missed by every beat; wall clock. */
  #missedUntilMs = 0;
  /** When to show up again; monotonic, as the two below. */
  #nextAttendMs = 0;
  #toldOfTroubleMs = Number.NEGATIVE_INFINITY;
  /** The term whose last runs were compared with the clock. */
  #comparedTerm = -1;
  /** Until when the log says that it sleeps. */
  #announcedWakeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BeatParts) {
    this.parts = parts;
    const { store, producer, scope, logger, settings, zone, clock } = parts;
    this.#roster = new Roster(parts.entries, zone);
    this.#sender = new Sender({ scheduler: this.#roster.scheduler, producer, store, scope, logger });
    this.#runFile = new RunFile(parts.stateFile, {
      logger,
      shared: store.shared,
      everyFirings: settings.beatSyncEvery,
      timezone: zone.name,
    });
    this.#clockWatch = new ClockWatch(clock);
  }

  get state(): BeatState {
    return this.#state;
  }

  /** Where the last runs are kept, for people. */
  get database(): string {
    return this.parts.stateFile?.path ?? this.parts.store.displayName;
  }

  /** Seconds. */
  get maxIntervalS(): number {
    return this.parts.settings.beatMaxLoopInterval || DEFAULT_MAX_INTERVAL_S;
  }

  /**
   * Sends what is due until {@link stop}; resolves then.
   *
   * @throws what does not get better by waiting: a schedule file that cannot be written, or belongs to somebody else.
   */
  async start(): Promise<void> {
    const { logger, signals, nodename } = this.parts;
    logger.info('beat: Starting...');
    this.#warnOfUnknownTasks();
    logger.debug('beat: Ticking with max interval->%s', humanSeconds(this.maxIntervalS));
    await signals.beatInit.send({ sender: nodename });
    this.#running = this.#run();
    await this.#running;
  }

  /** Resolves when the last runs are saved and the lead is given back. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#wake();
      const { clock, store } = this.parts;
      const late = new Promise<'late'>((resolve) => void clock.setTimeout(() => resolve('late'), STOP_MS).unref());
      if ((await Promise.race([this.#running, late])) === 'late') await store.close();
    }
    await this.#running;
  }

  /** Shows up at once: the store can be reached again. */
  awake(): void {
    this.#nextAttendMs = 0;
    this.#wake();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopping) {
        await this.#turn();
        if (!this.#stopping) await this.#sleep();
      }
      this.parts.logger.info('beat: Shutting down...');
    } finally {
      await this.#finish();
    }
  }

  async #turn(): Promise<void> {
    const { clock } = this.parts;
    try {
      if (clock.monotonicMs() >= this.#nextAttendMs) await this.#attend();
      // The lease is renewed in time also when there is no end of what is due.
      while (this.#state === 'leading' && !this.#stopping && clock.monotonicMs() < this.#nextAttendMs) {
        if (!(await this.#tick())) break;
      }
      await this.#runFile.sync(() => this.#roster.states(), clock.monotonicMs());
    } catch (error) {
      this.#failed(error);
    }
  }

  async #attend(): Promise<void> {
    const { store, clock } = this.parts;
    this.#nextAttendMs = clock.monotonicMs() + Math.min(ATTEND_EVERY_MS, this.maxIntervalS * 1000);
    const attendance = await store.attend();
    if (this.#stopping) return;
    if (attendance.role === 'standby') {
      this.#standBy(attendance.leader);
      return;
    }
    const nowMs = this.#clockWatch.nowMs();
    this.#missedUntilMs = nowMs - attendance.coveredForMs;
    if (this.#state !== 'leading' || attendance.begins || attendance.term !== this.#term) await this.#takeTheLead(attendance);
    else if (attendance.revision !== this.#revision) this.#adopt(await store.load());
    if (this.#state === 'leading') await this.#compareWithTheClock(nowMs);
  }

  #standBy(leader: string): void {
    if (this.#state !== 'standby' || leader !== this.#leader) {
      this.parts.logger.info('beat: Standing by, %s sends what is due.', leader);
    }
    if (this.#state === 'leading') this.#roster.clear();
    this.#leader = leader;
    this.#state = 'standby';
  }

  async #takeTheLead({ term }: Attendance & { readonly role: 'leader' }): Promise<void> {
    const { store, logger, zone, clock } = this.parts;
    const [stored, file] = [await store.load(), await this.#runFile.remembered()];
    const timezone = zone.name;
    const marked = stored.timezone ?? file.timezone;
    const reset = marked !== undefined && marked !== timezone;
    if (reset) logger.warning('Reset: Timezone changed from %s to %s', `'${marked}'`, `'${timezone}'`);
    const changes = this.#roster.merge(stored, { nowMs: clock.nowMs(), remembered: file.states, reset });
    if ((await store.change({ ...changes, timezone })) === 'fenced') return;
    this.#roster.clear();
    this.#adopt(this.#roster.afterwards(stored, changes));
    if (store.shared && this.#state !== 'leading') logger.info('beat: Sending what is due from now on (term %d).', term);
    this.#term = term;
    this.#leader = undefined;
    this.#state = 'leading';
    await this.#runFile.save(this.#roster.states(), clock.monotonicMs());
    if (logger.isEnabled('debug')) logger.debug('Current schedule:\n%s', String(this.#roster));
  }

  #adopt(stored: StoredEntries): void {
    this.#revision = stored.revision;
    for (const { name, problem } of this.#roster.adopt(stored, this.parts.clock.nowMs())) {
      this.parts.logger.error('beat: The entry %s is left out: %s', name, wordsOf(problem));
    }
    this.#reportProblems();
  }

  /** True when there may be more to do at once. */
  async #tick(): Promise<boolean> {
    const nowMs = this.#clockWatch.nowMs();
    const deadlineS = this.parts.settings.beatCronStartingDeadline;
    const firings = this.#roster.scheduler.tick(nowMs, {
      missedUntilMs: Math.max(this.#missedUntilMs, this.#clockWatch.leaptToMs),
      // A second at least: no firing is on time to the millisecond.
      startingDeadlineMs: deadlineS === null ? undefined : Math.max(deadlineS, 1) * 1000,
      limit: MOST_FIRINGS,
    });
    this.#reportProblems();
    if (firings.length === 0) return false;
    const done = await this.#sender.send(firings, nowMs);
    if (done === 'fenced') {
      this.parts.logger.warning('beat: Somebody else leads by now; nothing was sent.');
      this.#roster.clear();
      this.#state = 'disconnected';
      this.#nextAttendMs = 0;
      return false;
    }
    this.#runFile.add(done);
    return true;
  }

  /** Last runs that lie ahead would keep their entries still until the clock has caught up with them. */
  async #compareWithTheClock(nowMs: number): Promise<void> {
    const putBack = this.#clockWatch.takePutBack();
    if (this.#comparedTerm === this.#term && !putBack) return;
    this.#comparedTerm = this.#term;
    const names = this.#roster.scheduler.rebase(nowMs, CLOCK_TOLERANCE_MS);
    if (names.length === 0) return;
    const { logger, store } = this.parts;
    logger.warning('beat: The clock was put back, for the last run of %s lies ahead: going on from now.', names.join(', '));
    await store.change({ states: new Map([...this.#roster.states()].filter(([name]) => names.includes(name))) });
  }

  #failed(error: unknown): void {
    const { logger, clock } = this.parts;
    if (this.#stopping) return;
    if (!(error instanceof BrokerError) || !error.retryable) throw error;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#toldOfTroubleMs >= TELL_EVERY_MS) {
      logger.error('beat: Connection error: %s. Trying again in %s seconds...', error.message, (RETRY_MS / 1000).toFixed(1));
      this.#toldOfTroubleMs = nowMs;
    }
    // What is due waits until we know whether we still lead, and for how long nobody watched.
    this.#state = 'disconnected';
    this.#nextAttendMs = nowMs + RETRY_MS;
  }

  async #sleep(): Promise<void> {
    const { clock } = this.parts;
    const untilAttendMs = this.#nextAttendMs - clock.monotonicMs();
    const waitMs = this.#state === 'leading' ? Math.min(untilAttendMs, this.#untilDueMs()) : untilAttendMs;
    if (waitMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, waitMs);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Told in the log as Celery tells it, as if there were no leases to renew meanwhile. */
  #untilDueMs(): number {
    const { clock, logger } = this.parts;
    const nowMs = clock.nowMs();
    const untilDueMs = (this.#roster.scheduler.nextDueMs ?? Number.POSITIVE_INFINITY) - nowMs;
    const wakeMs = nowMs + Math.min(untilDueMs, this.maxIntervalS * 1000);
    if (nowMs >= this.#announcedWakeMs || wakeMs < this.#announcedWakeMs - 1) {
      logger.debug('beat: Waking up %s.', humanSeconds((wakeMs - nowMs) / 1000, 'in '));
      this.#announcedWakeMs = wakeMs;
    }
    return untilDueMs;
  }

  async #finish(): Promise<void> {
    const { store, logger, clock } = this.parts;
    try {
      if (this.#state === 'leading') {
        await this.#runFile.save(this.#roster.states(), clock.monotonicMs());
        await store.resign();
      }
    } catch (error) {
      logger.error('beat: %s', wordsOf(error));
    } finally {
      this.#state = 'stopped';
      await Promise.all([store.close(), this.parts.ended?.()]);
    }
  }

  /** Another worker may have it, in another language even; but it may as well be a slip. */
  #warnOfUnknownTasks(): void {
    const { entries, taskNames, logger } = this.parts;
    if (taskNames.size === 0) return;
    for (const { name, task } of entries) {
      if (taskNames.has(task)) continue;
      const lookalike = closestName(task, taskNames);
      const remedy =
        lookalike === undefined ? 'it is sent by its name, for a worker that has it' : `did you mean ${lookalike}? It is sent all the same`;
      logger.warning('beat: The entry %s names the task %s, which this app does not have (%s).', name, task, remedy);
    }
  }

  #reportProblems(): void {
    for (const { entry, error } of this.#roster.scheduler.takeProblems()) {
      this.parts.logger.error('beat: The schedule of %s failed, so it fires no more: %s', entry.name, wordsOf(error));
    }
  }
}
