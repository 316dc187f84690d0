/**
 * The three spellings of a setting: `brokerUrl`, `broker_url`, and Celery's old `BROKER_URL`. Old
 * names are only taken where all names are old, as in Celery (WIRE 15): a half-renamed file is a
 * mistake that would otherwise show as a setting without effect.
 */
import { ConfigError } from '../errors.js';
import { closestName } from './closest-name.js';
import { FOREIGN_SETTINGS } from './foreign-settings.js';
import { SETTINGS, type SettingKey } from './settings.js';

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const bySpelling = new Map<string, SettingKey>();
const byOldName = new Map<string, SettingKey>();
for (const key of SETTING_KEYS) {
  bySpelling.set(key, key).set(snakeCase(key), key);
  const { old } = SETTINGS[key];
  if (old !== null) byOldName.set(old, key);
}

/** The setting of this name in its camelCase or snake_case spelling. */
export function settingOfName(name: string): SettingKey | undefined {
  return bySpelling.get(name);
}

export interface NamedValue {
  readonly key: SettingKey;
  readonly writtenAs: string;
  readonly value: unknown;
}

/**
 * Finds each value's setting.
 *
 * @param origin - What the error starts with: the file, or the place in the code.
 * @throws {@link ConfigError} for a name that is unknown, given twice, or old among new ones.
 */
export function nameSettings(values: Readonly<Record<string, unknown>>, origin: string): NamedValue[] {
  const names = Object.keys(values).filter((name) => values[name] !== undefined);
  refuseMixture(names, origin);
  const found = new Map<SettingKey, NamedValue>();
  for (const name of names) {
    const key = bySpelling.get(name) ?? byOldName.get(name);
    if (key === undefined) {
      if (isForeign(name)) continue;
      throw new ConfigError(`${origin}: unknown setting ${quote(name)}`, { hint: hintFor(name) });
    }
    const twin = found.get(key);
    if (twin !== undefined) {
      throw new ConfigError(`${origin}: ${twin.writtenAs} and ${name} are the same setting`, { hint: `remove one of them` });
    }
    found.set(key, { key, writtenAs: name, value: values[name] });
  }
  return [...found.values()];
}

function refuseMixture(names: readonly string[], origin: string): void {
  const old = names.filter((name) => byOldName.has(name));
  const young = names.filter((name) => bySpelling.has(name));
  if (old.length === 0 || young.length === 0) return;
  const renamed = old.map((name) => `${name} to ${byOldName.get(name)}`).join(', ');
  throw new ConfigError(`${origin}: old and new setting names are mixed`, { hint: `rename ${renamed}` });
}

function isForeign(name: string): boolean {
  return FOREIGN_SETTINGS.has(name) || FOREIGN_SETTINGS.has(snakeCase(name));
}

function hintFor(name: string): string {
  const withoutPrefix = /^(?:CELERY|CTQ)_(.+)$/.exec(name)?.[1]?.toLowerCase();
  const prefixed = withoutPrefix === undefined ? undefined : bySpelling.get(withoutPrefix);
  if (prefixed !== undefined) return `here it is written ${prefixed} or ${snakeCase(prefixed)}`;
  const lookalike = closestName(name, namesInStyleOf(name));
  return lookalike === undefined ? 'remove it, or see docs/reference/settings.md for all names' : `did you mean ${lookalike}?`;
}

/** Suggestions come in the spelling that the writer uses. */
function namesInStyleOf(name: string): Iterable<string> {
  if (/^[A-Z0-9_]+$/.test(name)) return byOldName.keys();
  return name.includes('_') ? SETTING_KEYS.map(snakeCase) : SETTING_KEYS;
}

/** A name as typed, for a message: never with a line end or an escape in it. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
