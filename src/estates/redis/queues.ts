import type { QueueDesk } from '../../estate/queues.js';
import type { RedisStore } from './store.js';

export function redisQueueDesk(_store: RedisStore): QueueDesk {
  return {} as QueueDesk;
}
