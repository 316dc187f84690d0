/**
 * ISO 8601 as Python's `datetime` writes and reads it: microseconds, offsets with or without a colon,
 * and dates without any offset at all ("naive"), which JavaScript's `Date` does not have.
 */

/** A date and time as written, before anybody decides where on the time line it lies. */
export interface DateTimeParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  /** Seconds east of UTC; undefined when the text has no offset. */
  readonly offsetS: number | undefined;
}

const ISO_DATE_TIME =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,12}))?)?)?\s?(Z|z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)?)?$/;

/** undefined when the text is no date that both Python versions would take. */
export function parseIsoParts(text: string): DateTimeParts | undefined {
  const match = ISO_DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = match;
  const parts: DateTimeParts = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    microsecond: Number(fraction.slice(0, 6).padEnd(6, '0')),
    offsetS: offset === undefined ? undefined : parseOffset(offset),
  };
  return isRealDate(parts) ? parts : undefined;
}

function parseOffset(text: string): number {
  if (text === 'Z' || text === 'z') return 0;
  const digits = text.slice(1).replaceAll(':', '').padEnd(6, '0');
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6));
  return text.startsWith('-') ? -seconds : seconds;
}

function isRealDate(parts: DateTimeParts): boolean {
  const { year, month, day, hour, minute, second, offsetS = 0 } = parts;
  // Python's datetime starts with year 1 and refuses offsets of a day and more.
  if (year < 1 || month < 1 || month > 12 || day < 1 || Math.abs(offsetS) >= 86_400) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  return day <= daysInMonth(year, month);
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Milliseconds since 1970 of the written wall-clock time, as if it were UTC. */
export function wallClockMs(parts: DateTimeParts): number {
  // Date.UTC takes years below 100 for 19xx, so the year is set apart.
  const date = new Date(Date.UTC(2000, 0, 1, parts.hour, parts.minute, parts.second, Math.floor(parts.microsecond / 1000)));
  return date.setUTCFullYear(parts.year, parts.month - 1, parts.day);
}

/**
 * The instant that a text means.
 *
 * @param timezone - IANA zone for texts without an offset. Default UTC, which is also how Celery's
 *   `maybe_make_aware` takes them (celery/utils/time.py, `naive_as_utc`).
 * @returns undefined when the text is not a date.
 */
export function parseIsoDate(text: string, timezone = 'UTC'): Date | undefined {
  const parts = parseIsoParts(text);
  if (parts === undefined) return undefined;
  const wallMs = wallClockMs(parts);
  if (parts.offsetS !== undefined) return new Date(wallMs - parts.offsetS * 1000);
  return new Date(timezone === 'UTC' ? wallMs : zonedMs(wallMs, timezone));
}

/** Where a wall-clock time of a zone lies; of two candidates (clocks set back) the earlier, as Celery. */
function zonedMs(wallMs: number, timezone: string): number {
  const before = wallMs - zoneOffsetMs(wallMs - 86_400_000, timezone);
  const after = wallMs - zoneOffsetMs(wallMs + 86_400_000, timezone);
  const candidates = [before, after].filter((ms) => ms + zoneOffsetMs(ms, timezone) === wallMs);
  return candidates.length === 0 ? before : Math.min(...candidates);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function zoneOffsetMs(ms: number, timezone: string): number {
  let formatter = formatters.get(timezone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(timezone, formatter);
  }
  const fields: Record<string, string> = {};
  for (const { type, value } of formatter.formatToParts(ms)) fields[type] = value;
  const number = (name: string): number => Number(fields[name]);
  const year = fields['era'] === 'BC' ? 1 - number('year') : number('year');
  const shown = new Date(Date.UTC(2000, 0, 1, number('hour'), number('minute'), number('second')));
  return shown.setUTCFullYear(year, number('month') - 1, number('day')) - Math.floor(ms / 1000) * 1000;
}

let cachedSecond = Number.NaN;
let cachedText = '';

/**
 * As Python's `isoformat()` of an aware UTC datetime: `2030-01-02T03:04:05.678000+00:00`, without a
 * fraction when it is zero. Years beyond 9999 come as JavaScript writes them; no Python reads them.
 */
export function formatIsoDate(date: Date | number): string {
  const ms = Math.floor(typeof date === 'number' ? date : date.getTime());
  const second = Math.floor(ms / 1000);
  // Every result has a date, and thousands lie in one second: toISOString would be half the cost of a result.
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, -5);
    cachedSecond = second;
  }
  const fraction = ms - second * 1000;
  if (fraction === 0) return `${cachedText}+00:00`;
  return `${cachedText}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}000+00:00`;
}
