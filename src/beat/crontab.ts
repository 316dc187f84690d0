/**
 * Celery's `crontab` (WIRE 14.6): fires when minute, hour, day of the month, month *and* day of the week all
 * match; cron itself takes either of the two days. A pure function of the last run: the first matching
 * minute after the minute of that.
 *
 * Where clocks are changed (docs/decisions/0012), as Celery 5.6: a time that is skipped in spring fires as
 * long after midnight as always, so 02:30 at 03:30; a time that comes twice in autumn fires the first time.
 */
import { isPlainObject } from '../config/validate.js';
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';
import { type CronField, expandField, FIELDS } from './crontab-field.js';
import { type Schedule, type ScheduleKind, searchLatest } from './schedule.js';
import { fromWallTime, type TimeZone, type WallTime } from './time-zone.js';

/** Fields that are not given are `*`. */
export interface CrontabFields {
  readonly minute?: CronField;
  readonly hour?: CronField;
  /** 0 and 7 are Sunday; `mon-fri`. */
  readonly dayOfWeek?: CronField;
  readonly dayOfMonth?: CronField;
  readonly monthOfYear?: CronField;
}

type FieldName = keyof typeof FIELDS;

/** The order of a crontab file, which `toString` and texts use. */
const TEXT_ORDER: readonly FieldName[] = ['minute', 'hour', 'dayOfMonth', 'monthOfYear', 'dayOfWeek'];
const SNAKE_NAMES: Readonly<Record<string, FieldName>> = {
  day_of_week: 'dayOfWeek',
  day_of_month: 'dayOfMonth',
  month_of_year: 'monthOfYear',
};
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_MS = 86_400_000;
/** A Friday the 29th of February comes after 40 years at most, around a century without a leap day. */
const LONGEST_SEARCH_YEARS = 45;

export class Crontab implements Schedule {
  readonly hasStartingDeadline = true;
  /** As it was written. */
  readonly fields: Required<CrontabFields>;
  readonly #minutes: readonly number[];
  readonly #hours: readonly number[];
  readonly #daysOfWeek: readonly number[];
  readonly #daysOfMonth: readonly number[];
  readonly #months: readonly number[];

  /**
   * @param fields - By name, or a line of a crontab file: `'0 8 * * mon-fri'`.
   * @throws {@link ConfigError} naming field, value and range; also when it would never fire.
   */
  constructor(fields: CrontabFields | string = {}) {
    this.fields = { ...EVERY_MINUTE, ...(typeof fields === 'string' ? splitLine(fields) : namedFields(fields)) };
    this.#minutes = expandField(this.fields.minute, FIELDS.minute);
    this.#hours = expandField(this.fields.hour, FIELDS.hour);
    this.#daysOfWeek = expandField(this.fields.dayOfWeek, FIELDS.dayOfWeek);
    this.#daysOfMonth = expandField(this.fields.dayOfMonth, FIELDS.dayOfMonth);
    this.#months = expandField(this.fields.monthOfYear, FIELDS.monthOfYear);
    const firstDay = this.#daysOfMonth[0] ?? 1;
    if (this.#months.every((month) => firstDay > (DAYS_IN_MONTH[month - 1] ?? 31))) {
      throw new ConfigError(`${this.toString()} never fires`, { hint: `no such month has a day ${firstDay}` });
    }
  }

  nextAfter(lastRunAt: Date, zone: TimeZone): Date | undefined {
    const lastMs = lastRunAt.getTime();
    const last = zone.wallTimeAt(lastMs);
    const next = this.#nextWallTime(last);
    if (next === undefined) return undefined;
    // In the second pass of an hour that comes twice, the rest of that hour is meant.
    const instant = new Date(zone.instantOf(next, zone.passAt(lastMs)));
    return instant > lastRunAt ? instant : new Date(zone.instantOf(next, 'second'));
  }

  latest(lastRunAt: Date, now: Date, zone: TimeZone): Date | undefined {
    return searchLatest(this, lastRunAt, now, zone);
  }

  #nextWallTime(last: WallTime): WallTime | undefined {
    if (this.#matchesDay(last.year, last.month, last.day)) {
      if (this.#hours.includes(last.hour)) {
        const minute = above(this.#minutes, last.minute);
        if (minute !== undefined) return { ...last, minute };
      }
      const hour = above(this.#hours, last.hour);
      if (hour !== undefined) return { ...last, hour, minute: this.#minutes[0] ?? 0 };
    }
    const day = this.#nextDay(last);
    return day === undefined ? undefined : { ...day, hour: this.#hours[0] ?? 0, minute: this.#minutes[0] ?? 0 };
  }

  #nextDay(last: WallTime): Pick<WallTime, 'year' | 'month' | 'day'> | undefined {
    for (let { year, month, day } = last; year <= last.year + LONGEST_SEARCH_YEARS; day = 0, month += 1) {
      if (month > 12) {
        year += 1;
        month = 1;
      }
      if (!this.#months.includes(month)) continue;
      const lastDay = daysIn(year, month);
      for (let next = above(this.#daysOfMonth, day); next !== undefined && next <= lastDay; next = above(this.#daysOfMonth, next)) {
        if (this.#matchesDay(year, month, next)) return { year, month, day: next };
      }
    }
    return undefined;
  }

  #matchesDay(year: number, month: number, day: number): boolean {
    return this.#months.includes(month) && this.#daysOfMonth.includes(day) && this.#daysOfWeek.includes(weekdayOf(year, month, day));
  }

  /** `<crontab: 0 8 * * mon-fri (m/h/dM/MY/d)>`, as Celery 5.6; 5.2 has the weekday third. */
  toString(): string {
    return `<crontab: ${TEXT_ORDER.map((name) => showField(this.fields[name])).join(' ')} (m/h/dM/MY/d)>`;
  }

  toJSON(): { readonly crontab: string } {
    return { crontab: TEXT_ORDER.map((name) => textOf(this.fields[name])).join(' ') };
  }
}

/** Celery's `crontab`: `crontab({ hour: 3, minute: 0 })`, or `crontab('0 3 * * *')` in cron's order. */
export function crontab(fields: CrontabFields | string = {}): Crontab {
  return new Crontab(fields);
}

export const crontabKind: ScheduleKind = {
  name: 'crontab',
  argument: '<fields>',
  summary: 'fire when all five match: minute hour day-of-month month day-of-week, such as "0 8 * * mon-fri"',
  fromText: (text) => new Crontab(text),
  fromStored(value) {
    const { crontab: fields, ...rest } = value as Record<string, unknown>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined)
      throw new ConfigError(`crontab: unknown key ${JSON.stringify(unknown)}`, {
        hint: 'the fields stand in one text: { crontab: "0 8 * * mon-fri" }',
      });
    return new Crontab(fields as CrontabFields | string);
  },
};

const EVERY_MINUTE: Required<CrontabFields> = { minute: '*', hour: '*', dayOfWeek: '*', dayOfMonth: '*', monthOfYear: '*' };

/** A line of a crontab file; Celery's `from_string` splits at single blanks, we at any. */
function splitLine(line: string): CrontabFields {
  const words = line.length > 5_000 ? [] : line.trim().split(/\s+/);
  if (words.length !== TEXT_ORDER.length) {
    throw new ConfigError(`crontab: ${showValue(line)} has ${words.length} fields, not 5`, {
      hint: 'they are minute, hour, day of month, month, day of week: "0 8 * * mon-fri"',
    });
  }
  return Object.fromEntries(TEXT_ORDER.map((name, index) => [name, words[index]]));
}

function namedFields(fields: CrontabFields): CrontabFields {
  if (!isPlainObject(fields)) {
    throw new ConfigError(`crontab: ${showValue(fields)} is no set of fields`, { hint: 'write crontab({ hour: 3, minute: 0 })' });
  }
  const named: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const name = Object.hasOwn(SNAKE_NAMES, key) ? (SNAKE_NAMES[key] as string) : key;
    if (!Object.hasOwn(FIELDS, name)) {
      throw new ConfigError(`crontab: there is no field ${JSON.stringify(key)}`, {
        hint: `the fields are ${Object.keys(FIELDS).join(', ')}`,
      });
    }
    named[name] = value;
  }
  return named;
}

function above(sorted: readonly number[], bound: number): number | undefined {
  for (const number of sorted) if (number > bound) return number;
  return undefined;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && !leap ? 28 : (DAYS_IN_MONTH[month - 1] ?? 31);
}

/** 0 is Sunday. The first of January 1970 was a Thursday. */
function weekdayOf(year: number, month: number, day: number): number {
  const days = Math.round(fromWallTime({ year, month, day, hour: 0, minute: 0 }) / DAY_MS);
  return (((days + 4) % 7) + 7) % 7;
}

/** Numbers as Python would print them: `[0, 30]`, `{1, 2}`. */
function showField(field: CronField): string {
  if (typeof field === 'string' || typeof field === 'number') return String(field);
  const numbers = [...(field as Iterable<number>)].join(', ');
  return Array.isArray(field) ? `[${numbers}]` : `{${numbers}}`;
}

/** The same without blanks, as it stands in a line. */
function textOf(field: CronField): string {
  if (typeof field === 'string') return field.replace(/\s/g, '');
  return typeof field === 'number' ? String(field) : [...(field as Iterable<number>)].join(',');
}
