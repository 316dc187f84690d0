/**
 * A beat that is alone, on a broker that keeps no schedules: it always leads, and what it knows of the runs it
 * keeps in a file. A firing is published first and noted then, so a kill between the two sends it again, under
 * the same task id.
 */
import type { Broker } from '../../broker.js';
import { type Clock, systemClock } from '../../clock.js';
import { BrokerError } from '../../errors.js';
import type { EntryState } from '../schedule-entry.js';
import {
  type Attendance,
  type EntryChanges,
  type FiringResult,
  LONGEST_GAP_MS,
  type PreparedFiring,
  type ScheduleStore,
  type StoredEntries,
} from '../schedule-store.js';

export class LocalScheduleStore implements ScheduleStore {
  readonly shared = false;
  readonly displayName: string;
  readonly #broker: () => Promise<Broker>;
  readonly #clock: Clock;
  readonly #states = new Map<string, EntryState>();
  #coveredSinceMs: number;
  #troubleSinceMs: number | undefined;
  #timezone: string | undefined;

  constructor(displayName: string, broker: () => Promise<Broker>, clock: Clock = systemClock) {
    this.displayName = displayName;
    this.#broker = broker;
    this.#clock = clock;
    this.#coveredSinceMs = clock.monotonicMs();
  }

  async attend(): Promise<Attendance> {
    return { role: 'leader', term: 1, begins: false, coveredForMs: this.#clock.monotonicMs() - this.#coveredSinceMs, revision: 0 };
  }

  async resign(): Promise<void> {}

  async load(): Promise<StoredEntries> {
    return { definitions: new Map(), states: new Map(this.#states), paused: new Set(), timezone: this.#timezone, revision: 0 };
  }

  async change({ remove = [], states = new Map(), timezone }: EntryChanges): Promise<'changed'> {
    for (const name of remove) this.#states.delete(name);
    for (const [name, state] of states) this.#states.set(name, state);
    this.#timezone = timezone ?? this.#timezone;
    return 'changed';
  }

  async fire(firings: readonly PreparedFiring[]): Promise<readonly FiringResult[]> {
    const broker = await this.#broker();
    return Promise.all(firings.map((firing) => this.#fireOne(broker, firing)));
  }

  put(): Promise<never> {
    return Promise.reject(this.#unsupported());
  }

  remove(): Promise<never> {
    return Promise.reject(this.#unsupported());
  }

  pause(): Promise<never> {
    return Promise.reject(this.#unsupported());
  }

  resume(): Promise<never> {
    return Promise.reject(this.#unsupported());
  }

  async close(): Promise<void> {}

  async #fireOne(broker: Broker, { name, slotMs, call }: PreparedFiring): Promise<FiringResult> {
    const known = this.#states.get(name);
    if (known !== undefined && known.lastRunAtMs >= slotMs) return { kind: 'duplicate', state: known };
    try {
      if (call !== undefined) await broker.publish(call.message, call.route);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#troubleSinceMs ??= this.#clock.monotonicMs();
      return { kind: 'failed', error };
    }
    this.#recovered();
    this.#states.set(name, { lastRunAtMs: slotMs, totalRunCount: (known?.totalRunCount ?? 0) + (call === undefined ? 0 : 1) });
    return { kind: 'sent' };
  }

  /** What fell due while the broker was away counts as missed, as where beats share a store. */
  #recovered(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#troubleSinceMs !== undefined && nowMs - this.#troubleSinceMs > LONGEST_GAP_MS) this.#coveredSinceMs = nowMs;
    this.#troubleSinceMs = undefined;
  }

  #unsupported(): BrokerError {
    return new BrokerError('CTQ_BROKER_UNSUPPORTED', `the broker ${this.displayName} keeps no schedule entries`, {
      hint: 'they can be edited on Redis and SQLite; elsewhere they stand in beatSchedule',
    });
  }
}
