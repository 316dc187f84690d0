/**
 * An app's settings while it lives: `app.conf`. The app module writes its own values, before or after
 * the command line laid stronger ones over them; reading always gives who has the last word.
 */
import { ConfigError } from '../errors.js';
import { nameSettings, SETTING_KEYS, settingOfName, snakeCase } from './setting-names.js';
import type { Setting } from './setting-kinds.js';
import { SETTINGS, type SettingKey, type Settings, type SettingsInput } from './settings.js';
import { defaultOf, type GivenValue, readLayer, type SettingsLayer, strongest } from './resolve.js';
import { checkSetting } from './validate.js';

export interface Conf {
  /** Read and written by camelCase or snake_case name; an unknown name or a wrong value throws. */
  readonly settings: Settings;
  /** Replaces what stands above the app's own values, strongest first. */
  overlay(layers: readonly SettingsLayer[]): void;
  /** Where a value came from: `file ctq.config.ts, key brokerUrl`, or `default`. */
  sourceOf(key: SettingKey): string;
  /** What somebody has set that does nothing here and would in Celery: a line each, for people. */
  ineffective(): readonly string[];
  /** By Celery's names and unmasked: all settings, or those that somebody set. */
  table(which: 'changed' | 'all'): Record<string, unknown>;
}

/**
 * @param own - The app's own settings, as given to its constructor.
 * @param origin - How errors name that place.
 * @throws {@link ConfigError}
 */
export function createConf(own: SettingsInput = {}, origin = 'new Ctq()'): Conf {
  const ownValues = new Map<SettingKey, GivenValue>(readLayer(own, origin));
  let stronger: readonly SettingsLayer[] = [];
  // One copy for life: `app.conf.beatSchedule.nightly = …` changes a default in place.
  const fallback = new Map(SETTING_KEYS.map((key) => [key, defaultOf(key)]));
  const effective: Record<string, unknown> = {};

  const givenFor = (key: SettingKey): GivenValue | undefined => strongest([...stronger, ownValues], key);
  const refresh = (key: SettingKey): void => {
    const given = givenFor(key);
    effective[key] = given === undefined ? fallback.get(key) : given.value;
  };
  SETTING_KEYS.forEach(refresh);

  const settings = new Proxy(effective, {
    get(target, name) {
      if (typeof name !== 'string' || Object.hasOwn(target, name)) return Reflect.get(target, name) as unknown;
      return target[settingOfName(name) ?? name];
    },
    set(_target, name, value) {
      for (const { key, writtenAs } of nameSettings({ [String(name)]: value }, 'app.conf')) {
        ownValues.set(key, { value: checkSetting(key, value, `app.conf.${writtenAs}`), source: `app.conf.${writtenAs}` });
        refresh(key);
      }
      return true;
    },
    deleteProperty(_target, name) {
      throw new ConfigError(`app.conf.${String(name)} cannot be deleted`, { hint: 'assign another value' });
    },
  });

  return {
    settings: settings as unknown as Settings,
    overlay(layers) {
      stronger = layers;
      SETTING_KEYS.forEach(refresh);
    },
    sourceOf: (key) => givenFor(key)?.source ?? 'default',
    ineffective: () =>
      SETTING_KEYS.flatMap((key) => {
        const { unread }: Setting<unknown> = SETTINGS[key];
        const given = givenFor(key);
        if (unread?.kind !== 'missing' || given === undefined || given.value === fallback.get(key)) return [];
        return [`${given.source}: ${snakeCase(key)} has no effect: ${unread.why}`];
      }),
    table: (which) =>
      Object.fromEntries(
        SETTING_KEYS.filter((key) => which === 'all' || givenFor(key) !== undefined).map((key) => [snakeCase(key), effective[key]]),
      ),
  };
}
