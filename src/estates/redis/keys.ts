import type { KeyDesk } from '../../estate/keys.js';
import type { RedisStore } from './store.js';

export function redisKeyDesk(_store: RedisStore): KeyDesk {
  return {} as KeyDesk;
}
