import type { StoreHealth } from '../../estate/health.js';
import type { RedisStore } from './store.js';

export function redisHealth(_store: RedisStore): Promise<StoreHealth> {
  return Promise.reject(new Error('not built'));
}
