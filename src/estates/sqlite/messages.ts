import type { MessageDesk } from '../../estate/messages.js';
import type { SqliteReader } from './store.js';

export function sqliteMessageDesk(_store: SqliteReader): MessageDesk {
  return {} as MessageDesk;
}
