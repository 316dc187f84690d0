/** `ctq beat --next`: the firings to come, in local time and UTC. */
import { Heap, type HeapItem } from '../../beat/heap.js';
import type { ScheduleEntry } from '../../beat/schedule-entry.js';
import { showInZone, type TimeZone } from '../../beat/time-zone.js';
import { type KnownEntry, nextFiring } from './entries.js';

export interface ComingFiring {
  readonly name: string;
  readonly task: string;
  readonly at: Date;
  /** The zone that the entry is computed in. */
  readonly zone: TimeZone;
}

interface Waiting extends HeapItem {
  readonly known: KnownEntry;
  readonly entry: ScheduleEntry;
}

/** The first `count` firings of all entries after `now`. */
export function comingFirings(
  entries: readonly KnownEntry[],
  options: { readonly now: Date; readonly zone: TimeZone; readonly count: number },
): ComingFiring[] {
  const { now, zone, count } = options;
  const heap = new Heap<Waiting>();
  for (const known of entries) {
    const next = nextFiring(known, now, zone);
    if (next !== undefined && known.entry !== undefined) heap.put({ known, entry: known.entry, dueMs: next.getTime(), place: -1 });
  }
  const coming: ComingFiring[] = [];
  for (let first = heap.first; first !== undefined && coming.length < count; first = heap.first) {
    const { entry } = first;
    const own = entry.timezone ?? zone;
    const at = new Date(first.dueMs);
    coming.push({ name: entry.name, task: entry.task, at, zone: own });
    const next = entry.schedule.nextAfter(at, own);
    if (next === undefined || next <= at) heap.remove(first);
    else {
      first.dueMs = next.getTime();
      heap.put(first);
    }
  }
  return coming;
}

export const COMING_HEADINGS = ['LOCAL TIME', 'UTC', 'ENTRY', 'TASK', 'ZONE'] as const;

export function comingRow({ name, task, at, zone }: ComingFiring): readonly string[] {
  return [showInZone(at.getTime(), zone), at.toISOString().slice(0, 19).replace('T', ' '), name, task, zone.name];
}

export function comingDocument({ name, task, at, zone }: ComingFiring): Readonly<Record<string, unknown>> {
  return { name, task, at: at.toISOString(), local: showInZone(at.getTime(), zone).replace(' ', 'T'), timezone: zone.name };
}
