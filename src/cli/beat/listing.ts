/** `ctq beat list`: the entries and what is known of their runs. */
import { showInZone, type TimeZone } from '../../beat/time-zone.js';
import type { Book } from './books.js';
import { type KnownEntry, nextFiring } from './entries.js';

/** Of an app that was named; of a whole broker the app comes first. */
export const LIST_HEADINGS = ['ENTRY', 'TASK', 'SCHEDULE', 'FROM', 'STATE', 'RUNS', 'LAST RUN', 'NEXT RUN'] as const;

export function listRow(known: KnownEntry, now: Date, zone: TimeZone): readonly string[] {
  const { name, task, scheduleText, source, state, entry } = known;
  const own = entry?.timezone ?? zone;
  const next = nextFiring(known, now, zone);
  const lastRun = state === undefined || state.totalRunCount === 0 ? '' : showInZone(state.lastRunAtMs, own);
  return [
    ...[name, task, scheduleText, source, conditionOf(known), String(state?.totalRunCount ?? 0)],
    ...[lastRun, next === undefined ? '' : showInZone(next.getTime(), own)],
  ];
}

export function listDocument(known: KnownEntry, now: Date, { app, zone }: Pick<Book, 'app' | 'zone'>): Readonly<Record<string, unknown>> {
  const { name, task, scheduleText, source, state, entry, problem, paused } = known;
  return {
    app,
    name,
    task,
    schedule: entry?.schedule.toJSON?.() ?? null,
    schedule_text: scheduleText,
    source,
    args: entry?.args.map(shownArgument) ?? null,
    kwargs:
      entry === undefined ? null : Object.fromEntries(Object.entries(entry.kwargs).map(([key, value]) => [key, shownArgument(value)])),
    options: entry?.options ?? null,
    enabled: entry?.enabled ?? null,
    paused,
    timezone: (entry?.timezone ?? zone).name,
    catch_up: entry?.catchUp ?? null,
    total_run_count: state?.totalRunCount ?? 0,
    last_run_at: state === undefined || state.totalRunCount === 0 ? null : new Date(state.lastRunAtMs).toISOString(),
    next_run_at: nextFiring(known, now, zone)?.toISOString() ?? null,
    problem: problem ?? null,
  };
}

function conditionOf({ paused, entry }: KnownEntry): string {
  if (entry === undefined) return 'unreadable';
  if (paused) return 'paused';
  return entry.enabled ? 'on' : 'off';
}

function shownArgument(value: unknown): unknown {
  return typeof value === 'function' ? '<function>' : value;
}
