import type { TaskDesk } from '../../estate/tasks.js';
import type { SqliteReader } from './store.js';

export function sqliteTaskDesk(_store: SqliteReader): TaskDesk {
  return {} as TaskDesk;
}
