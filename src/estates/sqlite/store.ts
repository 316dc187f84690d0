/** What every desk of a SQLite estate works with. */
import type { SqliteConnection } from '../../connections/sqlite.js';

export interface SqliteReader {
  /** Reads what is committed; waits for nobody. What goes wrong becomes a BrokerError that names the file. */
  read<T>(work: (db: SqliteConnection) => T): Promise<T>;
  /** One transaction. */
  write<T>(work: (db: SqliteConnection) => T): Promise<T>;
}
