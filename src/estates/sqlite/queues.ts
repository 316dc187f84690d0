import type { QueueDesk } from '../../estate/queues.js';
import type { SqliteReader } from './store.js';

export function sqliteQueueDesk(_store: SqliteReader): QueueDesk {
  return {} as QueueDesk;
}
