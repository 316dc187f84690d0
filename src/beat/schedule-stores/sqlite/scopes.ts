/** Whose schedules a file keeps. */
import type { BrokerOptions } from '../../../broker.js';
import { toBrokerError } from '../../../connections/sqlite/failure.js';
import { SqliteStore } from '../../../connections/sqlite/store.js';
import { parseSqliteUrl } from '../../../connections/sqlite/url.js';
import { hasBeatTables } from './tables.js';

export async function sqliteScopes(url: string, broker: BrokerOptions): Promise<readonly string[]> {
  const store = SqliteStore.share(parseSqliteUrl(url, broker.transportOptions));
  try {
    const rows = await store.read((db) =>
      hasBeatTables(db)
        ? db.all<{ scope: string }>('SELECT DISTINCT scope FROM beat_entry WHERE definition IS NOT NULL ORDER BY scope')
        : [],
    );
    return rows.map(({ scope }) => scope);
  } catch (error) {
    throw toBrokerError(error, store.path);
  } finally {
    await store.release();
  }
}
