/** Reads what somebody sent as keyword arguments. Anything can stand there; what is wrong is answered as Python would. */
import { stringRepr } from '../protocol/python-repr.js';
import { type CommandArguments, CommandError, type RemoteCommand } from './command.js';

/** Python's complaint about a call that does not fit the function. */
export function checkCall(command: RemoteCommand, args: CommandArguments): void {
  const { name, required = [], only } = command;
  const missing = required.filter((wanted) => args[wanted] === undefined);
  if (missing.length > 0) {
    const arguments_ = missing.length === 1 ? 'argument' : 'arguments';
    throw new CommandError('TypeError', `${name}() missing ${missing.length} required positional ${arguments_}: ${enumerate(missing)}`);
  }
  const unexpected = only === undefined ? undefined : Object.keys(args).find((given) => !only.includes(given));
  if (unexpected !== undefined) {
    throw new CommandError('TypeError', `${name}() got an unexpected keyword argument ${stringRepr(unexpected.slice(0, 100))}`);
  }
}

/** `'a', 'b', and 'c'` */
function enumerate(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`);
  const last = quoted.pop() ?? '';
  if (quoted.length === 0) return last;
  return quoted.length === 1 ? `${quoted[0]} and ${last}` : `${quoted.join(', ')}, and ${last}`;
}

/** One text or a list of them (Celery's `maybe_list`); what is no text among them is left out. */
export function textList(args: CommandArguments, name: string): string[] {
  const value = args[name];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? [...new Set(value.filter((item): item is string => typeof item === 'string'))] : [];
}

/** Undefined when it is absent, null or empty. */
export function optionalText(args: CommandArguments, name: string): string | undefined {
  const value = args[name];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > 255) throw wrongType(name, 'str', value);
  return value;
}

export function requiredText(args: CommandArguments, name: string): string {
  const value = optionalText(args, name);
  if (value === undefined) throw wrongType(name, 'str', args[name]);
  return value;
}

/** Python's idea of true. */
export function truthy(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
  return Boolean(value);
}

/** Seconds, or null for none. */
export function optionalNumber(args: CommandArguments, name: string): number | null {
  const value = args[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrongType(name, 'float', value);
  return value;
}

export function wholeNumber(args: CommandArguments, name: string, fallback: number): number {
  const value = args[name];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongType(name, 'int', value);
  return value;
}

function wrongType(name: string, wanted: string, value: unknown): CommandError {
  return new CommandError('TypeError', `${name} must be ${wanted}, not ${pythonType(value)}`);
}

function pythonType(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return typeof value === 'bigint' ? 'int' : 'dict';
}
