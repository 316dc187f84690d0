/** Crontabs, zones and dates to compare with Celery's own answers: always the same ones, half of them around a change of clocks. */
import type { CrontabFields } from '../../src/beat/crontab.js';

/** By Celery's names, as text or number. */
export interface CrontabCase {
  readonly zone: string;
  readonly crontab: Readonly<Record<string, string | number>>;
  /** The last run, seconds since 1970. */
  readonly last: number;
}

/**
 * Berlin and New York change as most do; Lord Howe Island by half an hour; Santiago at midnight, south of the
 * equator; Cairo at midnight with years in between without any change.
 */
export const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Africa/Cairo'] as const;

const CRONTABS = 300;
const SEED = 20_261_121;

/** One last run for each zone, 2019 to 2027. */
export function crontabCases(): readonly CrontabCase[] {
  const random = generator(SEED);
  const changes = new Map(ZONES.map((zone) => [zone, changesOf(zone)]));
  return Array.from({ length: CRONTABS }, () => generateCrontab(random)).flatMap((crontab) =>
    ZONES.map((zone) => ({ zone, crontab, last: lastRun(random, changes.get(zone) ?? []) })),
  );
}

/** The same by our names. */
export function ourFields(crontab: CrontabCase['crontab']): CrontabFields {
  return Object.fromEntries(
    Object.entries(crontab).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
  );
}

/** Whether the clock was put back within the hours before, and shows this time again; without the code under test. */
export function inSecondPass(zone: string, seconds: number): boolean {
  const wall = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  const shown = wall.format(seconds * 1000);
  return [1, 2, 3, 4, 5, 6].some((halfHours) => wall.format((seconds - halfHours * 1800) * 1000) === shown);
}

type Random = (below: number) => number;

/** Numerical Recipes' generator: no library's next version may change the cases. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'Monday', 'FRI'];

function generateCrontab(random: Random): CrontabCase['crontab'] {
  const crontab: Record<string, string | number> = {};
  const fields = [
    ['minute', 0, 59, 95],
    ['hour', 0, 23, 80],
    ['day_of_week', 0, 6, 35],
    ['day_of_month', 1, 31, 30],
    ['month_of_year', 1, 12, 25],
  ] as const;
  for (const [name, min, max, percent] of fields) {
    if (random(100) < percent) crontab[name] = generateField(random, { min, max, weekdays: name === 'day_of_week' });
  }
  // The hours in which clocks are changed are worth more than one in eight.
  if (random(3) === 0) crontab['hour'] = ['0', '1', '2', '3', '0-3', '1,2', '2-4'][random(7)] ?? 2;
  // A 31st of April alone never comes.
  if (crontab['day_of_month'] !== undefined) delete crontab['month_of_year'];
  return crontab;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly weekdays: boolean;
}

function generateField(random: Random, range: Range): string | number {
  const kind = random(12);
  if (kind === 0) return range.min + random(range.max - range.min + 1);
  if (kind === 1) return '*';
  const parts = kind < 9 ? 1 : 1 + random(4);
  return Array.from({ length: parts }, () => generatePart(random, range)).join(',');
}

function generatePart(random: Random, range: Range): string {
  const number = (): string => {
    if (range.weekdays && random(3) === 0) return WEEKDAYS[random(WEEKDAYS.length)] ?? 'sun';
    return String(range.min + random(range.max - range.min + 1));
  };
  const step = 1 + random(Math.ceil((range.max - range.min) / 2));
  switch (random(4)) {
    case 0:
      return `*/${step}`;
    case 1:
      return `${number()}-${number()}`;
    case 2:
      return `${number()}-${number()}/${step}`;
    default:
      return number();
  }
}

const FROM = Date.UTC(2019, 0, 1) / 1000;
const TO = Date.UTC(2027, 0, 1) / 1000;
const HOUR_S = 3_600;

function lastRun(random: Random, changes: readonly number[]): number {
  const change = changes[random(changes.length)];
  if (change === undefined || random(2) === 0) return FROM + random(TO - FROM);
  return change + random(30 * HOUR_S) - 26 * HOUR_S;
}

/** When the clocks are changed, found by looking at each hour; not by the code under test. */
function changesOf(zone: string): number[] {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  const offset = (seconds: number): string => format.format(seconds * 1000).split(', ')[1] ?? '';
  const found: number[] = [];
  for (let day = FROM; day < TO; day += 24 * HOUR_S) {
    if (offset(day) === offset(day + 24 * HOUR_S)) continue;
    for (let time = day; time < day + 24 * HOUR_S; time += HOUR_S / 2)
      if (offset(time) !== offset(time + HOUR_S / 2)) found.push(time + HOUR_S / 2);
  }
  return found;
}
