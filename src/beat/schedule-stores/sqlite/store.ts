/** Beats on one SQLite file: each step is a transaction, the message a row beside the note that it was sent. */
import { randomUUID } from 'node:crypto';
import type { BrokerOptions } from '../../../broker.js';
import { insertMessage } from '../../../brokers/sqlite/messages.js';
import { targetsOf } from '../../../brokers/sqlite/queues.js';
import { priorityStep } from '../../../brokers/priority.js';
import { type Clock, systemClock } from '../../../clock.js';
import { toBrokerError } from '../../../connections/sqlite/failure.js';
import { identityOf } from '../../../connections/sqlite/file.js';
import { SqliteStore } from '../../../connections/sqlite/store.js';
import { parseSqliteUrl } from '../../../connections/sqlite/url.js';
import type { SqliteConnection } from '../../../connections/sqlite.js';
import { encodeEnvelope } from '../../../protocol/envelope.js';
import {
  type Attendance,
  type EntryChanges,
  type FiringResult,
  LEASE_MS,
  LONGEST_GAP_MS,
  type PreparedFiring,
  type ScheduleStore,
  type ScheduleStoreOptions,
  type StoredEntries,
} from '../../schedule-store.js';
import type { EntryState } from '../../schedule-entry.js';
import { type EntryRow, ensureBeatTables, type GroupRow, hasBeatTables } from './tables.js';

const NOTHING_STORED: StoredEntries = { definitions: new Map(), states: new Map(), paused: new Set(), timezone: undefined, revision: 0 };

/** What was seen of the leader, and since when, by our own watch. */
interface Sighting {
  readonly leader: string;
  readonly attendance: number;
  readonly sinceMs: number;
  lastLookMs: number;
}

export class SqliteScheduleStore implements ScheduleStore {
  readonly shared = true;
  readonly displayName: string;
  readonly #store: SqliteStore;
  readonly #scope: string;
  readonly #member: string;
  readonly #id = randomUUID();
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #sighting: Sighting | undefined;

  constructor(url: string, broker: BrokerOptions, options: ScheduleStoreOptions & { readonly clock?: Clock }) {
    const location = parseSqliteUrl(url, broker.transportOptions);
    this.displayName = location.path;
    this.#store = SqliteStore.share(location);
    this.#scope = options.scope;
    this.#member = options.member;
    this.#clock = options.clock ?? systemClock;
    this.#patienceMs = Math.min(broker.connectTimeoutMs, LONGEST_GAP_MS);
  }

  attend(): Promise<Attendance> {
    return this.#write((db) => this.#attend(db));
  }

  async resign(): Promise<void> {
    await this.#write((db) => db.run('UPDATE beat_group SET leader = NULL WHERE scope = ? AND leader = ?', this.#scope, this.#id));
  }

  async load(): Promise<StoredEntries> {
    // Looking at a schedule is no reason to make a database.
    if (!this.#isThere()) return NOTHING_STORED;
    return this.#read((db) => {
      if (!hasBeatTables(db)) return NOTHING_STORED;
      const group = this.#group(db);
      const rows = db.all<EntryRow>(
        'SELECT name, definition, paused, last_run_at, total_run_count FROM beat_entry WHERE scope = ?',
        this.#scope,
      );
      return {
        definitions: new Map(rows.flatMap(({ name, definition }) => (definition === null ? [] : [[name, definition] as const]))),
        states: new Map(rows.flatMap((row) => (row.last_run_at === null ? [] : [[row.name, stateOf(row, row.last_run_at)] as const]))),
        paused: new Set(rows.flatMap(({ name, paused }) => (paused === 0 ? [] : [name]))),
        timezone: group?.timezone ?? undefined,
        revision: group?.revision ?? 0,
      };
    });
  }

  change(changes: EntryChanges): Promise<'changed' | 'fenced'> {
    const { put = new Map<string, string>(), remove = [], states = new Map<string, EntryState>(), timezone } = changes;
    return this.#write((db) => {
      if (!this.#leads(db)) return 'fenced';
      for (const [name, definition] of put) {
        this.#ensureRow(db, name);
        db.run('UPDATE beat_entry SET definition = ? WHERE scope = ? AND name = ?', definition, this.#scope, name);
      }
      for (const name of remove) db.run('DELETE FROM beat_entry WHERE scope = ? AND name = ?', this.#scope, name);
      for (const [name, { lastRunAtMs, totalRunCount }] of states) {
        this.#ensureRow(db, name);
        this.#note(db, name, lastRunAtMs, totalRunCount);
      }
      if (timezone !== undefined) db.run('UPDATE beat_group SET timezone = ? WHERE scope = ?', timezone, this.#scope);
      return 'changed';
    });
  }

  fire(firings: readonly PreparedFiring[]): Promise<readonly FiringResult[] | 'fenced'> {
    return this.#write((db) => (this.#leads(db) ? firings.map((firing) => this.#fireOne(db, firing)) : 'fenced'), {
      announce: true,
      weight: firings.length,
    });
  }

  async put(name: string, definition: string, nowMs: number): Promise<void> {
    await this.#edit((db) => {
      this.#ensureRow(db, name);
      db.run(
        'UPDATE beat_entry SET definition = ?, last_run_at = coalesce(last_run_at, ?) WHERE scope = ? AND name = ?',
        definition,
        nowMs,
        this.#scope,
        name,
      );
    });
  }

  remove(name: string): Promise<boolean> {
    return this.#edit((db) => db.run('DELETE FROM beat_entry WHERE scope = ? AND name = ?', this.#scope, name) > 0);
  }

  async pause(name: string): Promise<void> {
    await this.#edit((db) => {
      this.#ensureRow(db, name);
      db.run('UPDATE beat_entry SET paused = 1 WHERE scope = ? AND name = ?', this.#scope, name);
    });
  }

  async resume(name: string, nowMs: number): Promise<void> {
    await this.#edit((db) => {
      db.run(
        'UPDATE beat_entry SET paused = 0, last_run_at = max(coalesce(last_run_at, 0), ?) WHERE scope = ? AND name = ? AND paused = 1',
        nowMs,
        this.#scope,
        name,
      );
    });
  }

  close(): Promise<void> {
    return this.#store.release();
  }

  #isThere(): boolean {
    try {
      return identityOf(this.#store.path) !== undefined;
    } catch (error) {
      throw toBrokerError(error, this.#store.path);
    }
  }

  #attend(db: SqliteConnection): Attendance {
    const group = this.#group(db);
    if (group === undefined) throw new Error('beat has no row of its own');
    const nowMs = this.#clock.nowMs();
    const gapMs = nowMs - (group.covered_until ?? 0);
    const covered = group.covered_since !== null && gapMs >= 0 && gapMs <= LONGEST_GAP_MS && group.covered_since <= nowMs;
    const coveredSince = covered ? (group.covered_since ?? nowMs) : nowMs;
    db.run('UPDATE beat_group SET covered_since = ?, covered_until = ? WHERE scope = ?', coveredSince, nowMs, this.#scope);
    let { term } = group;
    if (group.leader !== this.#id) {
      if (group.leader !== null && this.#isAlive(group.leader, group.attendance))
        return { role: 'standby', leader: group.leader_name ?? '' };
      term += 1;
    }
    db.run(
      'UPDATE beat_group SET leader = ?, leader_name = ?, term = ?, attendance = attendance + 1 WHERE scope = ?',
      this.#id,
      this.#member,
      term,
      this.#scope,
    );
    this.#sighting = undefined;
    return { role: 'leader', term, begins: group.leader !== this.#id, coveredForMs: nowMs - coveredSince, revision: group.revision };
  }

  /** Alive until it was seen standing still for the length of a lease, by looks that followed each other closely. */
  #isAlive(leader: string, attendance: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#sighting;
    if (seen?.leader !== leader || seen.attendance !== attendance || nowMs - seen.lastLookMs > LONGEST_GAP_MS) {
      this.#sighting = { leader, attendance, sinceMs: nowMs, lastLookMs: nowMs };
      return true;
    }
    seen.lastLookMs = nowMs;
    return nowMs - seen.sinceMs < LEASE_MS;
  }

  #fireOne(db: SqliteConnection, { name, slotMs, call }: PreparedFiring): FiringResult {
    const row = db.get<EntryRow>('SELECT * FROM beat_entry WHERE scope = ? AND name = ?', this.#scope, name);
    if (row?.last_run_at !== undefined && row.last_run_at !== null && row.last_run_at >= slotMs) {
      return { kind: 'duplicate', state: stateOf(row, row.last_run_at) };
    }
    if (call !== undefined) {
      const { message, route } = call;
      const deliveryInfo = { exchange: route.exchange.name, routingKey: route.routingKey };
      const envelope = encodeEnvelope(message, { deliveryTag: randomUUID(), deliveryInfo });
      const step = priorityStep(message.properties.priority);
      for (const queue of targetsOf(db, route)) insertMessage(db, { queue, step, envelope }, this.#clock.nowMs());
    }
    this.#ensureRow(db, name);
    this.#note(db, name, slotMs, (row?.total_run_count ?? 0) + (call === undefined ? 0 : 1));
    return { kind: 'sent' };
  }

  #note(db: SqliteConnection, name: string, lastRunAtMs: number, totalRunCount: number): void {
    db.run(
      'UPDATE beat_entry SET last_run_at = ?, total_run_count = ? WHERE scope = ? AND name = ?',
      Math.trunc(lastRunAtMs),
      totalRunCount,
      this.#scope,
      name,
    );
  }

  #ensureRow(db: SqliteConnection, name: string): void {
    db.run('INSERT OR IGNORE INTO beat_entry (scope, name) VALUES (?, ?)', this.#scope, name);
  }

  #leads(db: SqliteConnection): boolean {
    return this.#group(db)?.leader === this.#id;
  }

  #group(db: SqliteConnection): GroupRow | undefined {
    return db.get<GroupRow>('SELECT * FROM beat_group WHERE scope = ?', this.#scope);
  }

  /** Other beats look at the revision when they show up. */
  #edit<T>(work: (db: SqliteConnection) => T): Promise<T> {
    return this.#write((db) => {
      const result = work(db);
      db.run('UPDATE beat_group SET revision = revision + 1 WHERE scope = ?', this.#scope);
      return result;
    });
  }

  async #write<T>(work: (db: SqliteConnection) => T, options: { readonly announce?: boolean; readonly weight?: number } = {}): Promise<T> {
    try {
      return await this.#store.write(
        (db) => {
          ensureBeatTables(db, this.#scope);
          return work(db);
        },
        { ...options, patienceMs: this.#patienceMs },
      );
    } catch (error) {
      throw toBrokerError(error, this.#store.path);
    }
  }

  async #read<T>(work: (db: SqliteConnection) => T): Promise<T> {
    try {
      return await this.#store.read(work, this.#patienceMs);
    } catch (error) {
      throw toBrokerError(error, this.#store.path);
    }
  }
}

function stateOf({ total_run_count: totalRunCount }: EntryRow, lastRunAtMs: number): EntryState {
  return { lastRunAtMs, totalRunCount };
}
