/**
 * "Every ten seconds": Celery's `schedule` (WIRE 14.5). Elapsed time, in every zone: an hour is an hour
 * also in the night when the clocks are changed (docs/decisions/0012).
 */
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { humanSeconds } from './human-seconds.js';
import type { Schedule, ScheduleKind } from './schedule.js';
import type { TimeZone, WallTime } from './time-zone.js';

/** A span of time by its parts, as Python's timedelta; they are added up. */
export interface Duration {
  readonly weeks?: number;
  readonly days?: number;
  readonly hours?: number;
  readonly minutes?: number;
  readonly seconds?: number;
  readonly milliseconds?: number;
}

/** Seconds, `'90s'`, `'1h30m'`, or parts. */
export type DurationInput = number | string | Duration;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** A hundred years; beyond it the sum of two dates is none. */
const LONGEST_MS = 36_525 * DAY_MS;

const PART_MS: Readonly<Record<keyof Duration, number>> = {
  weeks: 7 * DAY_MS,
  days: DAY_MS,
  hours: HOUR_MS,
  minutes: MINUTE_MS,
  seconds: SECOND_MS,
  milliseconds: 1,
};

export interface IntervalOptions {
  /** Round each moment down to the unit of the interval: whole days, hours, minutes, or seconds. */
  readonly relative?: boolean;
}

export class Interval implements Schedule {
  readonly everyMs: number;
  readonly relative: boolean;

  /** @throws {@link ConfigError} when it is no span of time, or none that passes. */
  constructor(every: DurationInput, options: IntervalOptions = {}) {
    this.everyMs = durationMs(every);
    this.relative = options.relative ?? false;
  }

  nextAfter(lastRunAt: Date, zone: TimeZone): Date {
    const lastMs = lastRunAt.getTime();
    if (!this.relative) return new Date(lastMs + this.everyMs);
    const rounded = this.#rounded(lastMs, this.everyMs, zone);
    // Less than a unit, rounded down, may not move at all; Celery would fire without end there.
    return new Date(rounded > lastMs ? rounded : lastMs + this.everyMs);
  }

  latest(lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined {
    const lastMs = lastRunAt.getTime();
    const passed = Math.floor((now.getTime() - lastMs) / this.everyMs);
    if (!this.relative) return passed < 1 ? undefined : new Date(lastMs + passed * this.everyMs);
    // All but the last few at once: rounding has moved none of them by more than a unit and a change of clocks.
    let found = passed > 3 ? new Date(this.#rounded(lastMs, (passed - 3) * this.everyMs, zone)) : lastRunAt;
    for (let next = this.nextAfter(found, zone); next <= now; next = this.nextAfter(found, zone)) found = next;
    return found > lastRunAt ? found : undefined;
  }

  /**
   * Celery's `delta_resolution`: down to the largest unit that fits into the interval. Days are counted on
   * the calendar, for midnight to midnight is not always 24 hours.
   */
  #rounded(lastMs: number, spanMs: number, zone: TimeZone): number {
    if (this.everyMs >= DAY_MS) {
      const wall = zone.wallTimeAt(lastMs);
      return zone.instantOf({ ...wall, day: wall.day + Math.floor((msOfDay(wall) + spanMs) / DAY_MS), hour: 0, minute: 0 });
    }
    const instantMs = lastMs + spanMs;
    if (this.everyMs >= HOUR_MS) return zone.instantOf({ ...zone.wallTimeAt(instantMs), minute: 0 }, zone.passAt(instantMs));
    const unitMs = this.everyMs >= MINUTE_MS ? MINUTE_MS : SECOND_MS;
    return Math.floor(instantMs / unitMs) * unitMs;
  }

  /** `<freq: 10.00 seconds>`, as Celery. */
  toString(): string {
    return `<freq: ${humanSeconds(this.everyMs / SECOND_MS)}>`;
  }

  toJSON(): { readonly every: number; readonly relative?: true } {
    return { every: this.everyMs / SECOND_MS, ...(this.relative ? { relative: true as const } : {}) };
  }
}

function msOfDay({ hour, minute }: WallTime): number {
  return hour * HOUR_MS + minute * MINUTE_MS;
}

/** Every so often: `every(10)`, `every('1h30m')`, `every({ minutes: 5 }, { relative: true })`. */
export function every(duration: DurationInput, options: IntervalOptions = {}): Interval {
  return new Interval(duration, options);
}

export const intervalKind: ScheduleKind = {
  name: 'every',
  argument: '<duration>',
  summary: 'fire every so often: 10, 90s, 1h30m',
  fromText: (text) => new Interval(text),
  fromStored(value) {
    const { every: duration, relative, ...rest } = value as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined)
      throw new ConfigError(`an interval has no ${JSON.stringify(unknown)}`, { hint: 'it has every and relative' });
    if (relative !== undefined && typeof relative !== 'boolean') {
      throw new ConfigError(`relative is ${showValue(relative)}`, { hint: 'it must be true or false' });
    }
    return new Interval(duration as DurationInput, { relative: relative ?? false });
  },
};

/** @throws {@link ConfigError} naming what was given. */
export function durationMs(input: DurationInput): number {
  const ms = rawMs(input);
  if (ms === undefined || Number.isNaN(ms)) {
    throw new ConfigError(`${showValue(input)} is no interval`, {
      hint: "write seconds, '90s', '1h30m', or { minutes: 5 }",
    });
  }
  if (ms < 1 || ms > LONGEST_MS) {
    throw new ConfigError(`an interval of ${showValue(input)} is too ${ms < 1 ? 'short' : 'long'}`, {
      hint: ms < 1 ? 'it must be a millisecond at least' : 'it must be less than a hundred years',
    });
  }
  return Math.round(ms);
}

function rawMs(input: unknown): number | undefined {
  if (typeof input === 'number') return input * SECOND_MS;
  if (typeof input === 'string') return textMs(input);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined;
  let sum = 0;
  const parts = Object.entries(input).filter(([, amount]) => amount !== undefined);
  for (const [part, amount] of parts) {
    if (!Object.hasOwn(PART_MS, part) || typeof amount !== 'number') return undefined;
    sum += amount * PART_MS[part as keyof Duration];
  }
  return parts.length === 0 ? undefined : sum;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: 7 * DAY_MS };

/** `10`, `1.5`, `250ms`, `90s`, `1h30m`. */
function textMs(text: string): number | undefined {
  const plain = text.trim();
  if (/^\d{1,12}(\.\d{1,9})?$/.test(plain)) return Number(plain) * SECOND_MS;
  if (plain.length > 60 || !/^(\d{1,12}(\.\d{1,9})?(ms|[smhdw])\s*)+$/.test(plain)) return undefined;
  let sum = 0;
  for (const [, amount = '', unit = ''] of plain.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) sum += Number(amount) * (UNIT_MS[unit] ?? 0);
  return sum;
}
