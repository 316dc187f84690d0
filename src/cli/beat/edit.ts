/** `ctq beat add`, `rm`, `pause`, `resume`, `run-now`: the entries of the store, edited while beats run. */
import { encodeDefinition } from '../../beat/entry-definition.js';
import { evaluated, readEntry, type ScheduleEntry } from '../../beat/schedule-entry.js';
import type { ScheduleStore } from '../../beat/schedule-store.js';
import { closestName } from '../../config/closest-name.js';
import type { Ctq } from '../../ctq.js';
import { ConfigError, UsageError } from '../../errors.js';
import { type KnownEntry, knownEntries } from './entries.js';

/** What every one of them works with. */
export interface Desk {
  readonly app: Ctq;
  /** `unknown` when no app was named. */
  readonly code: 'known' | 'unknown';
  readonly store: ScheduleStore;
  readonly nowMs: number;
}

/** Adds an entry, or replaces one that was added before. Gives the words to say. */
export async function addEntry({ app, store, nowMs }: Desk, name: string, input: unknown): Promise<string> {
  const entry = readEntry(name, input, name);
  const stored = await store.load();
  const before = knownEntries(app.scheduleEntries(), stored).find((known) => known.name === name);
  if (before?.source === 'code') {
    throw new ConfigError(`the entry ${name} comes from the code`, { hint: 'change it there, or add this one under another name' });
  }
  await store.put(name, encodeDefinition(entry, 'store'), nowMs);
  const words = `${before === undefined ? 'added' : 'replaced'} ${name}: ${entry.task} ${String(entry.schedule)}`;
  if (app.tasks.has(entry.task)) return words;
  const lookalike = closestName(entry.task, app.tasks.keys());
  const meant = lookalike === undefined ? '' : `; did you mean ${lookalike}?`;
  return `${words} (this app has no such task; it is sent by its name${meant})`;
}

export async function removeEntry(desk: Desk, name: string): Promise<string> {
  const known = await findEntry(desk, name);
  const mayComeBack = desk.code === 'unknown' || desk.app.scheduleEntries().some((entry) => entry.name === name);
  if (known.source === 'code' && mayComeBack) {
    throw new ConfigError(`the entry ${name} comes from the code, and would come back`, {
      hint: `remove it there; ctq beat pause ${name} stops it`,
    });
  }
  await desk.store.remove(name);
  return `removed ${name}`;
}

export async function pauseEntry(desk: Desk, name: string): Promise<string> {
  const { paused } = await findEntry(desk, name);
  await desk.store.pause(name);
  return paused ? `${name} was paused already` : `paused ${name}`;
}

export async function resumeEntry(desk: Desk, name: string): Promise<string> {
  const { paused } = await findEntry(desk, name);
  if (!paused) return `${name} was not paused`;
  await desk.store.resume(name, desk.nowMs);
  return `resumed ${name}`;
}

/** Sends the entry's task now, outside of its schedule, which does not notice. Gives the task's id. */
export async function runNow(desk: Desk, name: string): Promise<{ readonly id: string; readonly published: PromiseLike<unknown> }> {
  const { entry, problem } = await findEntry(desk, name);
  if (entry === undefined) throw new ConfigError(problem ?? `the entry ${name} cannot be read`);
  const sent = sendEntry(desk.app, entry);
  return { id: sent.id, published: sent.published };
}

function sendEntry(app: Ctq, entry: ScheduleEntry): ReturnType<Ctq['sendTask']> {
  const { args, kwargs } = evaluated(entry);
  return app.sendTask(entry.task, args, { ...entry.options, kwargs });
}

async function findEntry({ app, store }: Desk, name: string): Promise<KnownEntry> {
  const entries = knownEntries(app.scheduleEntries(), await store.load());
  const found = entries.find((known) => known.name === name);
  if (found !== undefined) return found;
  const lookalike = closestName(
    name,
    entries.map((known) => known.name),
  );
  throw new UsageError(`there is no entry ${JSON.stringify(name)}`, {
    hint: lookalike === undefined ? 'ctq beat list shows those there are' : `did you mean ${lookalike}?`,
  });
}
