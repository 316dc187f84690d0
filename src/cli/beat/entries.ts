/** The entries as commands see them: the code's where the app is at hand, the store's, and what is known of their runs. */
import { decodeDefinition } from '../../beat/entry-definition.js';
import { latestFiring } from '../../beat/schedule.js';
import type { EntryState, ScheduleEntry } from '../../beat/schedule-entry.js';
import type { ScheduleStore, StoredEntries } from '../../beat/schedule-store.js';
import type { TimeZone } from '../../beat/time-zone.js';
import type { Ctq } from '../../ctq.js';
import { BrokerError } from '../../errors.js';

export interface KnownEntry {
  readonly name: string;
  readonly task: string;
  /** `code`: it comes back by itself. */
  readonly source: 'code' | 'store';
  /** undefined when it cannot be read. */
  readonly entry: ScheduleEntry | undefined;
  readonly problem: string | undefined;
  readonly scheduleText: string;
  readonly paused: boolean;
  readonly state: EntryState | undefined;
}

/** undefined where the broker has no such place. Closed when the command ends. */
export async function openEntries(app: Ctq, defer: (cleanup: () => Promise<void>) => void): Promise<ScheduleStore | undefined> {
  const store = await app.scheduleStore();
  if (store !== undefined) defer(() => store.close());
  return store;
}

/** @throws {@link BrokerError} where entries cannot be edited from outside. */
export function requireStore(store: ScheduleStore | undefined): ScheduleStore {
  if (store !== undefined) return store;
  throw new BrokerError('CTQ_BROKER_UNSUPPORTED', 'this broker keeps no schedule entries', {
    hint: 'they can be edited on Redis and SQLite; elsewhere they stand in beatSchedule',
  });
}

/** By name; the code's definition wins, as in beat. */
export function knownEntries(code: readonly ScheduleEntry[], stored: StoredEntries | undefined): readonly KnownEntry[] {
  const known = new Map<string, KnownEntry>();
  const rest = (name: string): Pick<KnownEntry, 'paused' | 'state'> => ({
    paused: stored?.paused.has(name) ?? false,
    state: stored?.states.get(name),
  });
  for (const [name, text] of stored?.definitions ?? []) {
    const { source, entry, problem, scheduleText, task } = decodeDefinition(name, text);
    known.set(name, { name, task, source, entry, problem: problem?.message, scheduleText, ...rest(name) });
  }
  for (const entry of code) {
    const { name, task } = entry;
    known.set(name, { name, task, source: 'code', entry, problem: undefined, scheduleText: String(entry.schedule), ...rest(name) });
  }
  return [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function isActive({ entry, paused }: KnownEntry): boolean {
  return entry?.enabled === true && !paused;
}

/** The next firing that has not come yet; undefined when there is none. What is overdue is sent as soon as a beat runs. */
export function nextFiring(known: KnownEntry, after: Date, zone: TimeZone): Date | undefined {
  const { entry, state } = known;
  if (entry === undefined || !isActive(known)) return undefined;
  const own = entry.timezone ?? zone;
  const last = new Date(Math.min(state?.lastRunAtMs ?? after.getTime(), after.getTime()));
  // Intervals count from the last run; nothing is said about what was missed.
  return entry.schedule.nextAfter(latestFiring(entry.schedule, last, after, own) ?? last, own);
}
