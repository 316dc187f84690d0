/** Which pool serves which name: a new pool is one line here. */
import { ConfigError } from '../errors.js';
import type { Pool, PoolOptions } from '../pool.js';

type PoolLoader = (options: PoolOptions) => Promise<Pool>;

const loaders: ReadonlyMap<string, PoolLoader> = new Map<string, PoolLoader>([
  ['async', async (options) => new (await import('./async.js')).AsyncPool(options).open()],
  ['prefork', async (options) => (await import('./prefork/pool.js')).openPreforkPool(options)],
  ['threads', async (options) => (await import('./threads/pool.js')).openThreadsPool(options)],
  ['solo', async (options) => new (await import('./solo.js')).SoloPool(options).open()],
]);

/** The names that {@link openPool} knows, for messages and completions. */
export const poolKinds: readonly string[] = [...loaders.keys()];

/** @throws ConfigError when there is no such pool, or it cannot run this app. */
export async function openPool(kind: string, options: PoolOptions): Promise<Pool> {
  const load = loaders.get(kind);
  if (load === undefined) throw new ConfigError(`no pool named ${kind}`, { hint: `use one of ${poolKinds.join(', ')}` });
  return load(options);
}
