/** The schedules that a command is about: that of the app which was named, else all that the broker keeps. */
import type { ScheduleStore } from '../../beat/schedule-store.js';
import { TimeZone } from '../../beat/time-zone.js';
import { closestName } from '../../config/closest-name.js';
import type { Ctq } from '../../ctq.js';
import { BrokerError, UsageError } from '../../errors.js';
import type { CommandCall } from '../command.js';
import { escapeText } from '../escape-text.js';
import { openRemote } from '../remote-call.js';
import { hasScheduleApp, openScheduleApp } from '../service.js';
import { type KnownEntry, knownEntries, openEntries } from './entries.js';

type Call = Omit<CommandCall, 'options'>;

/** One app's schedule, and what is known of its runs. */
export interface Book {
  /** The app's name. */
  readonly app: string;
  readonly entries: readonly KnownEntry[];
  readonly zone: TimeZone;
  /** undefined where the broker keeps none: all entries are the code's then. */
  readonly store: ScheduleStore | undefined;
}

export interface Shelf {
  /** `broker`: no app was named, and what the code says now is not known, only what a beat of it wrote down last. */
  readonly from: 'app' | 'broker';
  /** The app that was named, or one that knows no task. */
  readonly app: Ctq;
  readonly books: readonly Book[];
}

export async function openShelf(call: Call): Promise<Shelf> {
  if (!hasScheduleApp(call)) return shelfOfBroker(call);
  const { app } = await openScheduleApp(call);
  const store = await openEntries(app, call.defer);
  const entries = knownEntries(app.scheduleEntries(), await store?.load());
  return { from: 'app', app, books: [{ app: app.main, zone: app.timeZone, entries, store }] };
}

async function shelfOfBroker(call: Call): Promise<Shelf> {
  const app = await openRemote(call);
  const stores = await app.scheduleStores();
  if (stores === undefined) {
    throw new BrokerError('CTQ_BROKER_UNSUPPORTED', 'this broker keeps no schedule entries', {
      hint: 'they stand in the app: ctq beat -A <app> list',
    });
  }
  const books: Book[] = [];
  for (const [name, store] of stores) {
    call.defer(() => store.close());
    const stored = await store.load();
    books.push({ app: name, zone: zoneNamed(stored.timezone, app.timeZone), entries: knownEntries([], stored), store });
  }
  return { from: 'broker', app, books };
}

/** What a beat on another machine took for a zone may be none here. */
function zoneNamed(name: string | undefined, otherwise: TimeZone): TimeZone {
  try {
    return name === undefined ? otherwise : TimeZone.of(name);
  } catch {
    return otherwise;
  }
}

/**
 * The one schedule that has an entry of this name.
 *
 * @throws {@link UsageError} when several have one: a guess would stop the wrong one.
 */
export function bookWith({ books }: Shelf, name: string): Book {
  const having = books.filter(({ entries }) => entries.some((entry) => entry.name === name));
  // With one schedule at hand, whoever looks for the entry there says that it is missing.
  const [first, ...more] = books.length === 1 ? books : having;
  if (first === undefined) {
    const names = books.flatMap(({ entries }) => entries.map((entry) => entry.name));
    const lookalike = closestName(name, names);
    const hint = lookalike === undefined ? 'ctq beat list shows those there are' : `did you mean ${lookalike}?`;
    throw new UsageError(`there is no entry ${JSON.stringify(name)}`, { hint });
  }
  if (more.length === 0) return first;
  throw new UsageError(`several apps have an entry ${JSON.stringify(name)}: ${having.map(({ app }) => escapeText(app)).join(', ')}`, {
    hint: 'name the app: -A <module>',
  });
}
