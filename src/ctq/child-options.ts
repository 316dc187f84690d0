/** What a worker's pool must know to run tasks in children. */
import { fileURLToPath } from 'node:url';
import type { Broker } from '../broker.js';
import type { Settings } from '../config/settings.js';
import type { Surroundings } from '../ctq.js';
import { ConfigError } from '../errors.js';
import { LOG_LEVELS, type LogLevel } from '../logger.js';
import type { AppAddress, ChildOptions, Pool } from '../pool.js';
import { writeHome } from './app-home.js';

/** A module that was loaded, and can be compiled once more. */
export interface AppModule {
  readonly address: AppAddress;
  readonly rebuild?: () => Promise<AppAddress>;
}

export interface ChildSource {
  /** The app's name. */
  readonly main: string;
  /** Undefined where nobody said. */
  readonly module: string | URL | AppModule | undefined;
  readonly settings: Settings;
  readonly surroundings: Pick<Surroundings, 'layers' | 'baseFolder'>;
  readonly broker: Broker;
}

/**
 * Undefined for pools that run tasks in this process.
 *
 * @throws {@link ConfigError} when children cannot reach the broker, or not be told a setting.
 */
export function childOptions(kind: Pool['kind'], { main, module, settings, surroundings, broker }: ChildSource): ChildOptions | undefined {
  if (kind === 'async' || kind === 'solo') return undefined;
  if (!broker.capabilities.shared) {
    throw new ConfigError(`the ${kind} pool cannot work with ${broker.displayUrl}: its messages are in the memory of this process alone`, {
      hint: 'use -P async or solo with it, or another broker: sqlite:// needs no server either',
    });
  }
  const common = {
    maxTasks: settings.workerMaxTasksPerChild,
    maxMemoryKib: settings.workerMaxMemoryPerChild,
    printLevel: settings.workerRedirectStdouts ? printLevel(settings.workerRedirectStdoutsLevel) : null,
  };
  if (module === undefined) return { ...common, home: undefined };
  const { address, rebuild } = typeof module === 'string' || module instanceof URL ? moduleAt(module, main) : module;
  return {
    ...common,
    home: writeHome(address, surroundings),
    ...(rebuild === undefined ? {} : { reload: async () => writeHome(await rebuild(), surroundings) }),
  };
}

function moduleAt(url: string | URL, main: string): AppModule {
  const file = url instanceof URL || url.startsWith('file:') ? fileURLToPath(url) : url;
  return { address: { workdir: process.cwd(), module: { file, name: main, symbol: undefined }, included: [], places: [] } };
}

/** Python's names of levels, as `worker_redirect_stdouts_level` has them. */
export function printLevel(name: string): LogLevel {
  const level = name.toLowerCase();
  return LOG_LEVELS.find((one) => one === level) ?? (level === 'fatal' ? 'critical' : 'warning');
}
