/**
 * The contract between beat and whatever knows when something fires. `schedule-kinds.ts` lists the ways
 * to keep it that ctq has; an app may write one of its own, an object with a `nextAfter`.
 *
 * A schedule is a function of dates: it never looks at a clock. Two processes that ask the same question
 * get the same answer, to the millisecond, which is what lets any number of beats agree on one firing.
 */
import type { TimeZone } from './time-zone.js';

/** When something fires: a function of dates that never looks at a clock. `every()`, `crontab()` and `solar()` make them. */
export interface Schedule {
  /**
   * The first moment after `lastRunAt` at which it fires; undefined when it never does again.
   *
   * @param zone - The zone of the entry, else the app's.
   */
  nextAfter(lastRunAt: Date, zone: TimeZone): Date | undefined;

  /**
   * Of the moments that follow `lastRunAt` the last one that is not after `now`: what remains of a week
   * when only the latest missed run is wanted. undefined when there is none. Without it they are walked.
   */
  latest?(lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined;

  /** True where `beatCronStartingDeadline` applies: missed runs that are too old are dropped. */
  readonly hasStartingDeadline?: boolean;

  /** As Celery prints it: `<crontab: 0 8 * * mon-fri (m/h/dM/MY/d)>`. */
  toString(): string;
  /** What a store keeps of it, one key naming its kind; without it, it lives in code alone. */
  toJSON?(): StoredSchedule;
}

/** `{ crontab: '0 8 * * mon-fri' }`, `{ every: 10 }`, `{ solar: ['sunset', 52.5, 13.4] }`. */
export type StoredSchedule = Readonly<Record<string, unknown>>;

/** One way to make schedules, a line of `schedule-kinds.ts`. */
export interface ScheduleKind {
  /** The key under which a store keeps it, and the name of its option: `ctq beat add --crontab`. */
  readonly name: string;
  /** What stands behind the option: `<m h dom mon dow>`. */
  readonly argument: string;
  readonly summary: string;
  /** @throws ConfigError when the text is none of this kind. */
  fromText(text: string): Schedule;
  /** Reads what `toJSON` wrote, or what somebody wrote by hand. @throws ConfigError */
  fromStored(value: unknown): Schedule;
}

const LONGEST_WALK = 1_000;

/** The last firing in (`lastRunAt`, `now`], by the schedule's own way or by walking. */
export function latestFiring(schedule: Schedule, lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined {
  if (schedule.latest !== undefined) return schedule.latest(lastRunAt, now, zone);
  let found: Date | undefined;
  let from = lastRunAt;
  for (let steps = 0; steps < LONGEST_WALK; steps += 1) {
    const next = schedule.nextAfter(from, zone);
    if (next === undefined || next > now || next <= from) return found;
    found = next;
    from = next;
  }
  return searchLatest(schedule, from, now, zone) ?? found;
}

/**
 * The same by halving, for schedules whose moments do not depend on where one starts to count: forty
 * questions for a year, where walking takes half a million.
 */
export function searchLatest(schedule: Schedule, lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined {
  const first = schedule.nextAfter(lastRunAt, zone);
  if (first === undefined || first > now) return undefined;
  let found = first;
  let unknownUntilMs = now.getTime();
  while (unknownUntilMs - found.getTime() > 1) {
    const middle = new Date(found.getTime() + Math.ceil((unknownUntilMs - found.getTime()) / 2));
    const next = schedule.nextAfter(middle, zone);
    if (next !== undefined && next <= now) found = next;
    else unknownUntilMs = middle.getTime();
  }
  const last = schedule.nextAfter(found, zone);
  return last !== undefined && last <= now ? last : found;
}
