import type { MessageDesk } from '../../estate/messages.js';
import type { RedisStore } from './store.js';

export function redisMessageDesk(_store: RedisStore): MessageDesk {
  return {} as MessageDesk;
}
