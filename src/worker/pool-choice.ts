/** Which pool a worker runs its tasks in, and with how many slots. */
import { availableParallelism } from 'node:os';
import { ConfigError } from '../errors.js';
import type { Pool } from '../pool.js';
import type { WorkerOptions, WorkerSettings } from './worker-parts.js';

/** Slots where nobody says how many (docs/decisions/0010). */
const DEFAULT_CONCURRENCY: Readonly<Record<Pool['kind'], number>> = {
  async: 100,
  threads: availableParallelism(),
  prefork: availableParallelism(),
  solo: 1,
};

/** @throws ConfigError for a size that runs nothing. */
export function poolChoice(
  { pool, autoscale, concurrency }: WorkerOptions,
  { workerPool, workerConcurrency }: Pick<WorkerSettings, 'workerPool' | 'workerConcurrency'>,
): { readonly kind: Pool['kind']; readonly size: number } {
  const kind = pool ?? kindOf(workerPool);
  const size = autoscale === undefined ? (concurrency ?? workerConcurrency ?? DEFAULT_CONCURRENCY[kind]) : Math.max(autoscale.min, 1);
  if (Number.isSafeInteger(size) && size >= 1) return { kind, size };
  throw new ConfigError(`a concurrency of ${size} runs nothing`, { hint: 'give a whole number from 1 on' });
}

/** Celery's green threads are what the event loop is to Node. */
function kindOf(name: string): Pool['kind'] {
  return name === 'eventlet' || name === 'gevent' ? 'async' : (name as Pool['kind']);
}
