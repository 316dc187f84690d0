/**
 * The entries in force: those of the code and those of the store, merged by name as Celery merges them, and the
 * scheduler kept in line with them. Pure: what is to be written to the store is given back.
 */
import type { ConfigError } from '../errors.js';
import { decodeDefinition, encodeDefinition } from './entry-definition.js';
import { type EntryState, type ScheduleEntry, showEntry } from './schedule-entry.js';
import type { EntryChanges, StoredEntries } from './schedule-store.js';
import { Scheduler } from './scheduler.js';
import type { TimeZone } from './time-zone.js';

/** A stored entry that cannot be used. */
export interface UnreadableEntry {
  readonly name: string;
  readonly problem: ConfigError;
}

export interface Beginning {
  /** Where an entry begins to count that nobody knows yet. */
  readonly nowMs: number;
  /** What else is known of past runs: a file. */
  readonly remembered: ReadonlyMap<string, EntryState>;
  /** Everything begins anew: the zone was changed, and moments of the old one mean nothing. */
  readonly reset: boolean;
}

export class Roster {
  readonly scheduler: Scheduler;
  readonly #code: ReadonlyMap<string, ScheduleEntry>;
  /** Of the entries that the code does not have: those may change while we lead. */
  readonly #definitions = new Map<string, string>();
  readonly #paused = new Set<string>();
  /** Outlives the lead: the store may be emptied meanwhile. */
  #lastKnown: ReadonlyMap<string, EntryState> = new Map();

  constructor(code: readonly ScheduleEntry[], zone: TimeZone) {
    this.#code = new Map(code.map((entry) => [entry.name, entry]));
    this.scheduler = new Scheduler(zone);
  }

  /** What a new leader writes: the code's entries as they are now, without those that the code no longer has. */
  merge(stored: StoredEntries, beginning: Beginning): EntryChanges {
    const { nowMs, reset } = beginning;
    const put = new Map<string, string>();
    const states = new Map<string, EntryState>();
    const remove: string[] = [];
    for (const [name, entry] of this.#code) {
      const text = encodeDefinition(entry, 'code');
      const before = stored.definitions.get(name);
      if (before !== text) put.set(name, text);
      // What was missed while an entry was off was not wanted.
      const wasOff = before !== undefined && entry.enabled && decodeDefinition(name, before).entry?.enabled === false;
      const state = this.#latestOf(name, stored, beginning);
      if (state === undefined || wasOff || reset) states.set(name, begun(nowMs, reset ? undefined : state));
      else if (state !== stored.states.get(name)) states.set(name, state);
    }
    for (const [name, text] of stored.definitions) {
      if (this.#code.has(name)) continue;
      if (decodeDefinition(name, text).source === 'code') remove.push(name);
      else if (reset || !stored.states.has(name))
        states.set(name, begun(nowMs, reset ? undefined : this.#latestOf(name, stored, beginning)));
    }
    return { put, remove, states };
  }

  /** What is stored when the changes are. The code's definitions are left out: the code knows them. */
  afterwards(stored: StoredEntries, { remove = [], states = new Map() }: EntryChanges): StoredEntries {
    const definitions = new Map([...stored.definitions].filter(([name]) => !this.#code.has(name)));
    for (const name of remove) definitions.delete(name);
    const known = new Map(stored.states);
    for (const [name, state] of states) known.set(name, state);
    return { ...stored, definitions, states: known };
  }

  /** Forgets everything but what was known last: somebody else leads. */
  clear(): void {
    this.#lastKnown = this.states();
    this.scheduler.clear();
    this.#definitions.clear();
    this.#paused.clear();
  }

  /** Brings the scheduler in line with what is stored. Entries that did not change keep their place. */
  adopt(stored: StoredEntries, nowMs: number): readonly UnreadableEntry[] {
    const unreadable: UnreadableEntry[] = [];
    const names = new Set([...this.#code.keys(), ...stored.definitions.keys()]);
    for (const name of names) {
      const text = this.#code.has(name) ? undefined : stored.definitions.get(name);
      const paused = stored.paused.has(name);
      const state = stored.states.get(name) ?? begun(nowMs, undefined);
      if (this.#isUnchanged(name, text, state) && this.#paused.has(name) === paused) continue;
      if (paused) this.#paused.add(name);
      else this.#paused.delete(name);
      let entry = this.#code.get(name);
      if (text !== undefined) {
        this.#definitions.set(name, text);
        const definition = decodeDefinition(name, text);
        if (definition.problem !== undefined) unreadable.push({ name, problem: definition.problem });
        entry = definition.entry;
      }
      if (entry === undefined) this.scheduler.remove(name);
      else this.scheduler.put(paused ? { ...entry, enabled: false } : entry, state);
    }
    for (const name of [...this.#definitions.keys()].filter((one) => !names.has(one))) {
      this.#definitions.delete(name);
      this.scheduler.remove(name);
    }
    return unreadable;
  }

  states(): ReadonlyMap<string, EntryState> {
    const states = new Map<string, EntryState>();
    for (const name of this.scheduler.names()) states.set(name, this.scheduler.state(name) as EntryState);
    return states;
  }

  /** One line for each entry, as Celery's debug log has them. */
  toString(): string {
    return [...this.scheduler.names()].map((name) => showEntry(this.scheduler.entry(name) as ScheduleEntry)).join('\n');
  }

  #isUnchanged(name: string, text: string | undefined, state: EntryState): boolean {
    const known = this.scheduler.state(name);
    return known !== undefined && this.#definitions.get(name) === text && known.lastRunAtMs >= state.lastRunAtMs;
  }

  #latestOf(name: string, stored: StoredEntries, { remembered }: Beginning): EntryState | undefined {
    let latest = stored.states.get(name);
    for (const state of [remembered.get(name), this.#lastKnown.get(name), this.scheduler.state(name)]) {
      if (state !== undefined && (latest === undefined || state.lastRunAtMs > latest.lastRunAtMs)) latest = state;
    }
    return latest;
  }
}

function begun(nowMs: number, before: EntryState | undefined): EntryState {
  return { lastRunAtMs: nowMs, totalRunCount: before?.totalRunCount ?? 0 };
}
