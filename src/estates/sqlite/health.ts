import type { StoreHealth } from '../../estate/health.js';
import type { SqliteReader } from './store.js';

export function sqliteHealth(_store: SqliteReader): Promise<StoreHealth> {
  return Promise.reject(new Error('not built'));
}
