import type { KeyDesk } from '../../estate/keys.js';
import type { SqliteReader } from './store.js';

export function sqliteKeyDesk(_store: SqliteReader): KeyDesk {
  return {} as KeyDesk;
}
