/** Settings as `conf`, `report` and `stats` may show them: JSON, and without a secret in it. */
import { maskUrlsIn } from '../config/masking.js';
import { pythonRepr } from '../protocol/python-repr.js';

/** Celery's own list of what hides a value, even one that was never set (celery/app/utils.py, HIDDEN_SETTINGS). */
const HIDDEN_KEY = /API|TOKEN|KEY|SECRET|PASS|PROFANITIES_LIST|SIGNATURE|DATABASE|CREDENTIAL|BEAT_DBURI/i;
const HIDDEN = '********';
const MAX_LEVELS = 20;

/** @param settings - By Celery's names. */
export function showSettings(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return showEntries(Object.entries(settings), 0);
}

function showEntries(entries: Iterable<readonly [unknown, unknown]>, level: number): Record<string, unknown> {
  const shown: [string, unknown][] = [];
  for (const [key, value] of entries) {
    const name = String(key);
    if (!name.startsWith('__')) shown.push([name, HIDDEN_KEY.test(name) ? HIDDEN : show(value, level + 1)]);
  }
  // Not by assignment: a key may be called anything.
  return Object.fromEntries(shown);
}

function show(value: unknown, level: number): unknown {
  switch (typeof value) {
    case 'string':
      return maskUrlsIn(value);
    case 'number':
    case 'boolean':
    case 'bigint':
      return value;
    case 'undefined':
      return null;
    case 'object':
      break;
    default:
      return pythonRepr(value);
  }
  if (value === null) return null;
  if (level > MAX_LEVELS) return '...';
  if (Array.isArray(value) || value instanceof Set) return Array.from(value as Iterable<unknown>, (item) => show(item, level + 1));
  if (value instanceof Map) return showEntries(value, level);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return showEntries(Object.entries(value), level);
  return maskUrlsIn(pythonRepr(value));
}
