/** A schedule store in memory whose every answer a test can decide: who leads, what fails, what was sent. */
import type { EntryState } from '../../src/beat/schedule-entry.js';
import type {
  Attendance,
  EntryChanges,
  FiringResult,
  PreparedFiring,
  ScheduleStore,
  StoredEntries,
} from '../../src/beat/schedule-store.js';
import type { BrokerError } from '../../src/errors.js';
import type { FakeClock } from './fake-clock.js';

export class FakeScheduleStore implements ScheduleStore {
  readonly displayName = 'fake';
  readonly shared: boolean;
  readonly #clock: FakeClock;
  readonly definitions = new Map<string, string>();
  readonly states = new Map<string, EntryState>();
  readonly paused = new Set<string>();
  timezone: string | undefined;
  revision = 0;
  term = 1;
  /** Somebody else, while it is set. */
  leader: string | undefined;
  /** Calls fail with it, while it is set. */
  trouble: BrokerError | undefined;
  /** Refusals of single messages, by entry. */
  readonly refused = new Map<string, BrokerError>();
  /** `<entry> +<seconds since the clock began>`, oldest first. */
  readonly sent: string[] = [];
  readonly taskIds: string[] = [];
  coveredSinceMs: number;
  attendances = 0;
  resigned = 0;
  closed = false;
  readonly #startMs: number;

  constructor(clock: FakeClock, options: { readonly shared?: boolean } = {}) {
    this.#clock = clock;
    this.shared = options.shared ?? true;
    this.#startMs = clock.nowMs();
    this.coveredSinceMs = clock.nowMs();
  }

  async attend(): Promise<Attendance> {
    this.attendances += 1;
    this.#maybeFail();
    if (this.leader !== undefined) return { role: 'standby', leader: this.leader };
    return {
      role: 'leader',
      term: this.term,
      begins: false,
      coveredForMs: Math.max(0, this.#clock.nowMs() - this.coveredSinceMs),
      revision: this.revision,
    };
  }

  async resign(): Promise<void> {
    this.resigned += 1;
  }

  async load(): Promise<StoredEntries> {
    this.#maybeFail();
    const { definitions, states, paused, timezone, revision } = this;
    return { definitions: new Map(definitions), states: new Map(states), paused: new Set(paused), timezone, revision };
  }

  async change({ put = new Map(), remove = [], states = new Map(), timezone }: EntryChanges): Promise<'changed' | 'fenced'> {
    this.#maybeFail();
    if (this.leader !== undefined) return 'fenced';
    for (const [name, definition] of put) this.definitions.set(name, definition);
    for (const [name, state] of states) this.states.set(name, state);
    for (const name of remove) {
      this.definitions.delete(name);
      this.states.delete(name);
    }
    this.timezone = timezone ?? this.timezone;
    return 'changed';
  }

  async fire(firings: readonly PreparedFiring[]): Promise<readonly FiringResult[] | 'fenced'> {
    this.#maybeFail();
    if (this.leader !== undefined) return 'fenced';
    return firings.map(({ name, slotMs, call }) => {
      const known = this.states.get(name);
      if (known !== undefined && known.lastRunAtMs >= slotMs) return { kind: 'duplicate', state: known };
      const error = this.refused.get(name);
      if (error !== undefined) return { kind: 'failed', error };
      if (call !== undefined) {
        this.sent.push(`${name} +${(slotMs - this.#startMs) / 1000}`);
        this.taskIds.push(String(call.message.headers['id']));
      }
      this.states.set(name, { lastRunAtMs: slotMs, totalRunCount: (known?.totalRunCount ?? 0) + (call === undefined ? 0 : 1) });
      return { kind: 'sent' };
    });
  }

  async put(name: string, definition: string, nowMs: number): Promise<void> {
    this.definitions.set(name, definition);
    if (!this.states.has(name)) this.states.set(name, { lastRunAtMs: nowMs, totalRunCount: 0 });
    this.revision += 1;
  }

  async remove(name: string): Promise<boolean> {
    this.revision += 1;
    this.states.delete(name);
    return this.definitions.delete(name);
  }

  async pause(name: string): Promise<void> {
    this.paused.add(name);
    this.revision += 1;
  }

  async resume(name: string, nowMs: number): Promise<void> {
    this.paused.delete(name);
    this.states.set(name, { lastRunAtMs: nowMs, totalRunCount: this.states.get(name)?.totalRunCount ?? 0 });
    this.revision += 1;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #maybeFail(): void {
    if (this.trouble !== undefined) throw this.trouble;
  }
}
