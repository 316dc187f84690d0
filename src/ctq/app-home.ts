/**
 * How a pool's child comes by the app that its parent has: the modules, and the settings that stand above
 * the app's own. Those cross as text; functions among them cannot.
 */
import type { GivenValue, SettingsLayer } from '../config/resolve.js';
import type { SettingKey } from '../config/settings.js';
import type { Surroundings } from '../ctq.js';
import { ConfigError } from '../errors.js';
import type { AppAddress, AppHome } from '../pool.js';
import { parseJson, stringifyJson } from '../protocol/kombu-json.js';

/** Set on `globalThis` in a pool's child, where the app's module is loaded once more. */
export const IN_CHILD = Symbol.for('ctq.child');

/** Only the worker and beat read these. */
const NOT_FOR_CHILDREN = /^(?:worker|beat)/;

/** @throws ConfigError for a setting that cannot be handed to another process. */
export function writeHome(address: AppAddress, { layers, baseFolder }: Pick<Surroundings, 'layers' | 'baseFolder'>): AppHome {
  const written = layers.map((layer) => [...layer].filter(([key]) => !NOT_FOR_CHILDREN.test(key)).map(([key, given]) => entry(key, given)));
  return { address, layers: `[${written.map((entries) => `[${entries.join(',')}]`).join(',')}]`, baseFolder };
}

function entry(key: SettingKey, { value, source }: GivenValue): string {
  try {
    return stringifyJson([key, value, source]);
  } catch (error) {
    throw new ConfigError(`${source}: ${key} cannot be handed to the children of a pool`, {
      hint: 'set it where the app is made, new Ctq(…): children load that themselves',
      cause: error,
    });
  }
}

export function readHome({ layers, baseFolder }: AppHome): Surroundings {
  const read = parseJson(layers) as readonly (readonly (readonly [SettingKey, unknown, string])[])[];
  return {
    layers: read.map((entries): SettingsLayer => new Map(entries.map(([key, value, source]) => [key, { value, source }]))),
    baseFolder,
    // As the worker's own: a broker that is away is waited for.
    connectTimeoutMs: Number.POSITIVE_INFINITY,
  };
}
