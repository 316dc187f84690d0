/**
 * One field of a crontab → the numbers it stands for. Celery's grammar (WIRE 14.6): a star, `a`, `a-b`, the
 * star and the range also with a step `/n`, commas between. Ranges wrap around, and steps count from where
 * the range begins.
 */
import { showValue } from '../config/shown-value.js';
import { ConfigError } from '../errors.js';

/** What may stand in a field: text, a number, or numbers. */
export type CronField = string | number | readonly number[] | ReadonlySet<number>;

export interface FieldRange {
  /** As messages call it. */
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Words for numbers, by their first three letters: `mon`, `Monday`. */
  readonly words?: Readonly<Record<string, number>>;
  /** A number that means another one: Sunday is 0 and, as everywhere but in Celery, 7. */
  readonly alias?: { readonly from: number; readonly to: number };
}

const WEEKDAYS = { sun: 0, mon: 1, tue: 2, wed: 3, thu: 4, fri: 5, sat: 6 };
const MONTHS = { jan: 1, feb: 2, mar: 3, apr: 4, may: 5, jun: 6, jul: 7, aug: 8, sep: 9, oct: 10, nov: 11, dec: 12 };

export const FIELDS = {
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  dayOfWeek: { name: 'day of week', min: 0, max: 6, words: WEEKDAYS, alias: { from: 7, to: 0 } },
  dayOfMonth: { name: 'day of month', min: 1, max: 31 },
  monthOfYear: { name: 'month of year', min: 1, max: 12, words: MONTHS },
} as const satisfies Readonly<Record<string, FieldRange>>;

/** No crontab that a person wrote is longer, and none that is shorter takes time to read. */
const LONGEST_TEXT = 1_000;

/**
 * Ten thousand entries say mostly the same: their numbers are kept once. Bounded, for texts may come
 * from a store.
 */
const expanded = new Map<string, readonly number[]>();
const MOST_EXPANDED = 2_000;

/**
 * @returns The numbers in ascending order, each once.
 * @throws {@link ConfigError} naming the field, the part and the allowed range.
 */
export function expandField(spec: CronField, range: FieldRange): readonly number[] {
  if (typeof spec === 'number') return [checkNumber(spec, String(spec), range)];
  if (typeof spec !== 'string') return expandNumbers(spec, range);
  const key = `${range.name} ${spec}`;
  let numbers = expanded.get(key);
  if (numbers === undefined) {
    numbers = sorted(expandText(spec, range));
    if (expanded.size >= MOST_EXPANDED) expanded.clear();
    expanded.set(key, numbers);
  }
  return numbers;
}

function expandNumbers(spec: unknown, range: FieldRange): readonly number[] {
  const numbers: unknown[] | undefined = Array.isArray(spec) ? spec : spec instanceof Set ? [...(spec as Set<unknown>)] : undefined;
  if (numbers === undefined) throw fieldError(range, showValue(spec), `write ${example(range)}, a number, or a list of numbers`);
  if (numbers.length === 0) throw fieldError(range, 'an empty list', 'name a number at least');
  return sorted(
    numbers.map((number) => {
      if (typeof number !== 'number')
        throw fieldError(range, `a list with ${showValue(number)}`, 'a list holds numbers; texts stand alone');
      return checkNumber(number, String(number), range);
    }),
  );
}

function expandText(spec: string, range: FieldRange): number[] {
  if (spec.length > LONGEST_TEXT) throw fieldError(range, 'a text of more than 1000 characters', `write it like ${example(range)}`);
  return spec.split(',').flatMap((part) => expandPart(part.trim(), spec, range));
}

function expandPart(part: string, spec: string, range: FieldRange): readonly number[] {
  const shown = part === spec ? JSON.stringify(spec) : `${JSON.stringify(part)} in ${JSON.stringify(spec)}`;
  if (part === '')
    throw fieldError(
      range,
      spec.trim() === '' ? 'empty' : `${JSON.stringify(spec)}, with an empty part`,
      `write it like ${example(range)}`,
    );
  const match = /^(\*|[^\s\-/*]+(?:-[^\s\-/*]+)?)(?:\/(\S*))?$/.exec(part);
  const [, base = '', step] = match ?? [];
  if (match === null || (step !== undefined && base !== '*' && !base.includes('-'))) throw fieldError(range, shown, grammar(range));
  const numbers = base === '*' ? span(range.min, range.max) : expandRange(base, shown, range);
  if (step === undefined) return numbers;
  if (!/^\d{1,4}$/.test(step) || Number(step) === 0) {
    throw fieldError(range, shown, 'a step after "/" is a whole number from 1');
  }
  return numbers.filter((_, index) => index % Number(step) === 0);
}

function expandRange(base: string, shown: string, range: FieldRange): readonly number[] {
  const [from = '', to] = base.split('-');
  const first = numberOf(from, shown, range);
  if (to === undefined) return [aliased(first, range)];
  const last = numberOf(to, shown, range);
  if (range.alias !== undefined && last === range.alias.from && first !== last) {
    // `5-7` and `0-7`: up to the Sunday at the week's end.
    return span(first, last).map((number) => aliased(number, range));
  }
  const [begin, end] = [aliased(first, range), aliased(last, range)];
  return begin <= end ? span(begin, end) : [...span(begin, range.max), ...span(range.min, end)];
}

function numberOf(text: string, shown: string, range: FieldRange): number {
  if (/^\d{1,4}$/.test(text)) return checkRange(Number(text), shown, range);
  const word = /^[a-z]{3,10}$/i.test(text) ? text.slice(0, 3).toLowerCase() : '';
  const number = range.words !== undefined && Object.hasOwn(range.words, word) ? range.words[word] : undefined;
  if (number === undefined) throw fieldError(range, shown, grammar(range));
  return number;
}

function checkNumber(number: number, shown: string, range: FieldRange): number {
  if (!Number.isInteger(number)) throw fieldError(range, shown, 'it must be a whole number');
  return aliased(checkRange(number, shown, range), range);
}

function checkRange(number: number, shown: string, range: FieldRange): number {
  if ((number < range.min || number > range.max) && number !== range.alias?.from) {
    throw fieldError(range, shown, `it must be from ${range.min} to ${range.max}`);
  }
  return number;
}

function aliased(number: number, { alias }: FieldRange): number {
  return alias !== undefined && number === alias.from ? alias.to : number;
}

function span(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function sorted(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function example({ words, max }: FieldRange): string {
  if (words === undefined) return max === 23 ? '"*/3" or "9-17"' : '"*/15" or "0,30"';
  return Object.hasOwn(words, 'mon') ? '"mon-fri" or "1-5"' : '"jan,jul" or "1,7"';
}

function grammar(range: FieldRange): string {
  return `it may be *, a number from ${range.min} to ${range.max}${range.words === undefined ? '' : ', a name'}, a range a-b, with a step */n or a-b/n, and several with commas`;
}

function fieldError(range: FieldRange, shown: string, hint: string): ConfigError {
  return new ConfigError(`crontab: the ${range.name} is ${shown}`, { hint });
}
