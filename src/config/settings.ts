/**
 * Every setting: type, unit, default, and Celery's old name. Keys are camelCase here and in the code;
 * `broker_url` and the old `BROKER_URL` mean the same (`setting-names.ts`). Types come from these
 * tables, one for each part of the house, so a setting is one entry in one of them and nothing else.
 *
 * Defaults are Celery's (WIRE 15) except where a comment says "ours" and why.
 */
import type { Setting } from './setting-kinds.js';
import { BEAT } from './settings/beat.js';
import { BROKER } from './settings/broker.js';
import { CONTENT } from './settings/content.js';
import { REMOTE_CONTROL } from './settings/remote-control.js';
import { RESULTS } from './settings/results.js';
import { SIGNING } from './settings/signing.js';
import { TASKS } from './settings/tasks.js';
import { WORKER } from './settings/worker.js';
import type { SnakeCase } from './snake-case.js';

export const SETTINGS = {
  ...CONTENT,
  ...BEAT,
  ...BROKER,
  ...REMOTE_CONTROL,
  ...RESULTS,
  ...SIGNING,
  ...TASKS,
  ...WORKER,
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingKey = keyof typeof SETTINGS;

/** All settings with their values: what an app's `conf` is, and what the rest of the code reads. */
export type Settings = { -readonly [Key in SettingKey]: (typeof SETTINGS)[Key] extends Setting<infer Value> ? Value : never };

/** Settings as people write them: some of them, in either spelling; a URL may be a list to try in turn. */
export type SettingsInput = {
  [Key in SettingKey]?: Settings[Key] | undefined | (Key extends `${string}Url` | 'resultBackend' ? readonly string[] : never);
} & {
  [Key in SettingKey as SnakeCase<Key> extends Key ? never : SnakeCase<Key>]?: Settings[Key] | undefined;
};
