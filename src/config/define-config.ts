/** `ctq.config.ts`: settings, and defaults of the commands' options. */
import type { SettingsInput } from './settings.js';

/** Defaults for one command: its options by their long names, `{ concurrency: 8, 'logfile-format': 'json' }`. */
export type CommandDefaults = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>;

/** What a config file holds: settings, and per command the defaults of its options. */
export type ConfigFile = SettingsInput & {
  /** The module with the app, as `-A`. */
  readonly app?: string;
  readonly worker?: CommandDefaults;
  readonly beat?: CommandDefaults;
  readonly send?: CommandDefaults;
  readonly result?: CommandDefaults;
};

/**
 * Gives a config file its types:
 *
 * ```ts
 * import { defineConfig } from 'ctq';
 *
 * export default defineConfig({ brokerUrl: 'redis://localhost', worker: { concurrency: 8 } });
 * ```
 */
export function defineConfig(config: ConfigFile): ConfigFile {
  return config;
}
