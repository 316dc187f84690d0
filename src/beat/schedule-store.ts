/**
 * The contract between beat and the place that several beats share. `schedule-stores/` holds the ways to keep
 * it, and `test/contract/schedule-store.ts` is what each of them must pass.
 *
 * It keeps three things: who of the beats of one app *leads*, the *entries* with what is known of their runs,
 * and the promise that a firing goes out *once*: publishing and noting it is one step, refused to whoever
 * does not lead any more (RELIABILITY W7–W9, (e) 11).
 */
import type { Route } from '../broker.js';
import type { CtqError } from '../errors.js';
import type { Message } from '../protocol/message.js';
import type { EntryState } from './schedule-entry.js';

/** What a beat learns each time it shows up. */
export type Attendance =
  | {
      readonly role: 'leader';
      /** Grows with each change of leader. */
      readonly term: number;
      /** Nobody led just before, also when that was us: what was read before is old. */
      readonly begins: boolean;
      /** For how long, without a gap, some beat has been showing up: firings of that time were not missed by all. */
      readonly coveredForMs: number;
      /** Changes whenever somebody edits the entries. */
      readonly revision: number;
    }
  | { readonly role: 'standby'; readonly leader: string };

export interface StoredEntries {
  /** Entry name → definition (`entry-definition.ts`). */
  readonly definitions: ReadonlyMap<string, string>;
  readonly states: ReadonlyMap<string, EntryState>;
  readonly paused: ReadonlySet<string>;
  /** The zone that all of it was computed in; undefined at first. */
  readonly timezone: string | undefined;
  readonly revision: number;
}

/** What the leader changes, all of it or nothing for each name. */
export interface EntryChanges {
  readonly put?: ReadonlyMap<string, string>;
  readonly remove?: readonly string[];
  readonly states?: ReadonlyMap<string, EntryState>;
  readonly timezone?: string;
}

/** A firing with its message; without one it is only noted as over. */
export interface PreparedFiring {
  readonly name: string;
  readonly slotMs: number;
  readonly call: { readonly message: Message; readonly route: Route } | undefined;
}

export type FiringResult =
  /** It is with the broker, and noted. */
  | { readonly kind: 'sent' }
  /** Some beat had sent this one or a later one of the entry; nothing was done. */
  | { readonly kind: 'duplicate'; readonly state: EntryState }
  /** The broker refused this message; nothing was noted. */
  | { readonly kind: 'failed'; readonly error: CtqError };

/** One beat's door to the store. Everything rejects with BrokerError when the store cannot be reached. */
export interface ScheduleStore {
  /** For people: what the banner shows as `db`. */
  readonly displayName: string;
  /** False where this beat is alone: the entries then cannot be edited from outside. */
  readonly shared: boolean;

  /**
   * Shows up: takes the lead when nobody has it, or renews it. A leader that does not show up for
   * {@link LEASE_MS} has lost it.
   */
  attend(): Promise<Attendance>;
  /** Gives the lead back, so that the next beat need not wait. */
  resign(): Promise<void>;

  load(): Promise<StoredEntries>;
  /** For the leader. `fenced`: it is not the leader any more, and nothing was changed. */
  change(changes: EntryChanges): Promise<'changed' | 'fenced'>;
  /** For the leader: publishes and notes, each firing in one step; the results in the same order. */
  fire(firings: readonly PreparedFiring[]): Promise<readonly FiringResult[] | 'fenced'>;

  /** For people. Adds or replaces an entry; one that is new begins to count at `nowMs`. */
  put(name: string, definition: string, nowMs: number): Promise<void>;
  /** False when there was none. */
  remove(name: string): Promise<boolean>;
  pause(name: string): Promise<void>;
  /** Goes on from `nowMs`: what was missed in the pause was not wanted. */
  resume(name: string, nowMs: number): Promise<void>;

  close(): Promise<void>;
}

/** Another beat leads at most this long, and a look, after the leader was killed. */
export const LEASE_MS = 4_000;
/** How often a beat shows up. */
export const ATTEND_EVERY_MS = 1_000;
/** With no beat showing up for longer than this, nobody watched. */
export const LONGEST_GAP_MS = 3_000;

/** What a store needs to know of the beat that opens it. */
export interface ScheduleStoreOptions {
  /** Beats of one scope share a schedule: the app's name. */
  readonly scope: string;
  /** How other beats call this one: its node name. */
  readonly member: string;
  /** Called when the store can be reached again. */
  readonly awake?: () => void;
}

/** The last run files of beats that are alone, and of those who ask for one (`-s`). */
export interface StateFile {
  readonly path: string;
  /** undefined when there is none yet, or none that can be read; that has been said then. */
  load(): Promise<{ readonly states: ReadonlyMap<string, EntryState>; readonly timezone: string | undefined } | undefined>;
  /** In one step: a reader sees the old file or the new one. */
  save(states: ReadonlyMap<string, EntryState>, timezone: string): Promise<void>;
}
