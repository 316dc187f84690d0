import type { TaskDesk } from '../../estate/tasks.js';
import type { RedisStore } from './store.js';

export function redisTaskDesk(_store: RedisStore): TaskDesk {
  return {} as TaskDesk;
}
