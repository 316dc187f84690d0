/** One task at a time, in this process: for debugging, and for tasks that must never overlap in a worker. */
import { ConfigError } from '../errors.js';
import { AsyncPool } from './async.js';
import type { PoolOptions } from '../pool.js';

export class SoloPool extends AsyncPool {
  override readonly kind = 'solo';

  constructor(options: PoolOptions) {
    super({ ...options, size: 1 });
    if (options.size > 1) {
      options.environment.logger.warning('The solo pool runs one task at a time; a concurrency of %d is not to be had', options.size);
    }
  }

  override async resize(size: number): Promise<void> {
    if (size !== 1) throw new ConfigError('the solo pool runs one task at a time', { hint: 'use -P async, threads or prefork' });
  }
}
