/** Options that a program wrote down, looked at where they were written: a compiler finds a slip, plain JavaScript would send the task without it. */
import { ConfigError } from '../errors.js';
import { closestName } from './closest-name.js';
import { camelCase } from './setting-names.js';
import { showValue } from './shown-value.js';

/** What an option can be, in the words of the error. */
export type OptionKind =
  | 'a number of at least 0'
  | 'a number'
  | 'true or false'
  | 'a text'
  | 'a list'
  | 'an object'
  | 'a function'
  | 'a Date or an ISO 8601 text'
  | 'a number of seconds or a date'
  | 'anything';

export interface OptionTable {
  /** Whose options they are: `a task`. */
  readonly of: string;
  readonly kinds: Readonly<Record<string, OptionKind>>;
}

/**
 * @param where - What errors start with.
 * @throws {@link ConfigError} for a name that is none, and for a value that means nothing. null and undefined say "as ever".
 */
export function checkOptions(table: OptionTable, options: object, where: string): void {
  for (const name in options) checkOption(table, name, (options as Readonly<Record<string, unknown>>)[name], where);
}

/** @throws {@link ConfigError} */
export function checkOption({ of, kinds }: OptionTable, name: string, value: unknown, where: string): void {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw unknownOption(of, name, Object.keys(kinds), where);
  if (value === null || value === undefined || isOf(kind, value)) return;
  throw new ConfigError(`${where}: ${name} is ${showValue(value)}`, { hint: `it must be ${kind}` });
}

function unknownOption(of: string, name: string, names: readonly string[], where: string): ConfigError {
  const known = names.includes(camelCase(name)) ? camelCase(name) : closestName(name, names);
  return new ConfigError(`${where}: ${of} has no option ${JSON.stringify(name)}`, {
    hint: known === undefined ? `it has ${names.join(', ')}` : `did you mean ${known}?`,
  });
}

function isOf(kind: OptionKind, value: unknown): boolean {
  switch (kind) {
    case 'a number of at least 0':
      return typeof value === 'number' && value >= 0;
    case 'a number':
      return typeof value === 'number';
    case 'true or false':
      return typeof value === 'boolean';
    case 'a text':
      return typeof value === 'string' && value !== '';
    case 'a list':
      return Array.isArray(value);
    case 'an object':
      return typeof value === 'object' && !Array.isArray(value);
    case 'a function':
      return typeof value === 'function';
    case 'a Date or an ISO 8601 text':
      return isDate(value);
    case 'a number of seconds or a date':
      return typeof value === 'number' || isDate(value);
    case 'anything':
      return true;
    default:
      return kind satisfies never;
  }
}

/** Also a DateTime, as Python's workers pass them on. */
function isDate(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && ('getTime' in value || 'isoText' in value));
}
