/** Readers of option values: text from the command line → value, or what it should have been. */
import { parseIsoDate } from '../protocol/iso-date.js';
import { Expected, type ReadValue } from './command.js';
import { closestName } from '../config/closest-name.js';
import { type HealthAddress, parseHealthAddress } from '../config/health-address.js';

export const text: ReadValue<string> = (raw) => {
  if (raw === '') throw new Expected('it must not be empty');
  return raw;
};

export const seconds: ReadValue<number> = (raw) => {
  const value = decimal(raw);
  if (value === undefined || value < 0) throw new Expected('it must be a number of seconds, 0 or more');
  return value;
};

/** An interval: 0 would never let anything else happen. */
export const positiveSeconds: ReadValue<number> = (raw) => {
  const value = decimal(raw);
  if (value === undefined || value < 0.1) throw new Expected('it must be a number of seconds, 0.1 or more');
  return value;
};

export const wholeNumber =
  (minimum: number, maximum = Number.MAX_SAFE_INTEGER): ReadValue<number> =>
  (raw) => {
    const value = /^[+-]?\d{1,16}$/.test(raw) ? Number(raw) : undefined;
    if (value === undefined || value < minimum || value > maximum) {
      const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
      throw new Expected(`it must be a whole number ${range}`);
    }
    return value;
  };

/** `8080`, `0.0.0.0:8080`, or a file. */
export const healthAddress: ReadValue<HealthAddress> = (raw) => {
  const address = parseHealthAddress(raw);
  if (address === undefined) throw new Expected('it must be a port, host:port such as 0.0.0.0:8080, or a file name');
  return address;
};

/** `9808`, `0.0.0.0:9808`. */
export const listenAddress: ReadValue<HealthAddress & { readonly kind: 'port' }> = (raw) => {
  const address = parseHealthAddress(raw);
  if (address?.kind !== 'port') throw new Expected('it must be a port, or host:port such as 0.0.0.0:9808');
  return address;
};

/** Celery's `--autoscale`: the order does not matter, and one number alone is the larger one. */
export const bounds: ReadValue<{ readonly max: number; readonly min: number }> = (raw) => {
  const numbers = raw.split(',').map((part) => (/^\s*\d{1,6}\s*$/.test(part) ? Number(part) : Number.NaN));
  const [max = Number.NaN, min = 0] = numbers.sort((a, b) => b - a);
  if (numbers.length > 2 || Number.isNaN(max) || Number.isNaN(min) || max < 1)
    throw new Expected('it must be two whole numbers, such as 10,3');
  return { max, min };
};

/** `a,b` and several options both give a list. */
export const names: ReadValue<readonly string[]> = (raw) => {
  const parts = raw.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new Expected('it must be names with commas between, such as mail,video');
  return parts;
};

export const oneOf =
  <const Choice extends string>(choices: readonly Choice[]): ReadValue<Choice> =>
  (raw) => {
    const wanted = raw.toLowerCase();
    const found = choices.find((choice) => choice.toLowerCase() === wanted);
    if (found !== undefined) return found;
    const lookalike = closestName(raw, choices);
    throw new Expected(`it must be one of ${choices.join(', ')}${lookalike === undefined ? '' : `; did you mean ${lookalike}?`}`);
  };

export const instant: ReadValue<Date> = (raw) => {
  const date = parseIsoDate(raw);
  if (date === undefined) throw new Expected('it must be a date and time such as 2030-01-31T18:30:00+01:00; without an offset it is UTC');
  return date;
};

const UNIT_S: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, min: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `90`, `90s`, `10m`, `1h30m`, `2d`: milliseconds. */
export const duration: ReadValue<number> = (raw) => {
  const value = decimal(raw);
  if (value !== undefined && value >= 0) return value * 1000;
  const parts = [...raw.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)\s*/gy)];
  if (raw === '' || parts.map(([part]) => part).join('') !== raw) {
    throw new Expected('it must be how long, such as 90s, 10m, 1h30m or 2d');
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_S[unit ?? ''] ?? 0) * 1000, 0);
};

/** Celery's `--expires`: seconds from now, or a date. */
export const secondsOrInstant: ReadValue<number | Date> = (raw) => {
  const value = decimal(raw);
  if (value !== undefined && value >= 0) return value;
  const date = parseIsoDate(raw);
  if (date === undefined) throw new Expected('it must be seconds from now, or a date and time such as 2030-01-31T18:30:00Z');
  return date;
};

function decimal(raw: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(raw) && Number.isFinite(Number(raw)) ? Number(raw) : undefined;
}
