import type { DeadLetterDesk } from '../../estate/dead-letters.js';
import type { SqliteReader } from './store.js';

export function sqliteDeadLetterDesk(_store: SqliteReader): DeadLetterDesk {
  return {} as DeadLetterDesk;
}
