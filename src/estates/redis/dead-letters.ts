import type { DeadLetterDesk } from '../../estate/dead-letters.js';
import type { RedisStore } from './store.js';

export function redisDeadLetterDesk(_store: RedisStore): DeadLetterDesk {
  return {} as DeadLetterDesk;
}
