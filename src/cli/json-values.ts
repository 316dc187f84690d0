/** JSON on the command line: exact integers, Celery's dialect, and plain words where it is no JSON. */
import { isPlainObject } from '../config/validate.js';
import { parseJson } from '../protocol/kombu-json.js';
import { Expected, type ReadValue } from './command.js';

/** JSON where it parses as JSON, else the text itself: `3` is a number, `abc` and `NaN` are texts. */
export function readLoosely(raw: string): unknown {
  // Celery's JSON has these three words; alone on a command line they are words like others.
  if (/^-?(?:NaN|Infinity)$/.test(raw.trim())) return raw;
  try {
    return parseJson(raw);
  } catch {
    return raw;
  }
}

export const jsonList: ReadValue<readonly unknown[]> = (raw) => {
  const value = strictly(raw);
  if (!Array.isArray(value)) throw new Expected('it must be a JSON list such as [3, 4]');
  return value as unknown[];
};

export const jsonObject: ReadValue<Readonly<Record<string, unknown>>> = (raw) => {
  const value = strictly(raw);
  if (!isPlainObject(value)) throw new Expected('it must be a JSON object such as {"x": 3}');
  return value;
};

/** `key=value`, the value as an argument would be read. */
export const keyAndValue: ReadValue<readonly [key: string, value: unknown]> = (raw) => {
  const equals = raw.indexOf('=');
  if (equals <= 0) throw new Expected('it must be key=value');
  return [raw.slice(0, equals), readLoosely(raw.slice(equals + 1))];
};

/** A task to call next: its name, or a signature as Celery writes it. */
export const signature: ReadValue<Readonly<Record<string, unknown>>> = (raw) => {
  const given = raw.trimStart().startsWith('{') ? strictly(raw) : { task: raw };
  if (!isPlainObject(given) || typeof given['task'] !== 'string' || given['task'] === '') {
    throw new Expected('it must be the name of a task, or a signature such as {"task": "tasks.add", "args": [1]}');
  }
  return { task: given['task'], args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false, ...given };
};

function strictly(raw: string): unknown {
  try {
    return parseJson(raw);
  } catch (error) {
    throw new Expected(`it is no JSON: ${(error as Error).message}`);
  }
}

/** Pairs from several `-k key=value`; the last one of a name counts. */
export function objectOf(pairs: readonly (readonly [string, unknown])[] | undefined): Record<string, unknown> | undefined {
  // fromEntries defines its properties, so that a key `__proto__` is a key like others.
  return pairs === undefined ? undefined : (Object.fromEntries(pairs) as Record<string, unknown>);
}
