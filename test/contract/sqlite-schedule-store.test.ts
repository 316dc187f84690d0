import { sqliteScopes } from '../../src/beat/schedule-stores/sqlite/scopes.js';
import { SqliteScheduleStore } from '../../src/beat/schedule-stores/sqlite/store.js';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { tmpFolder } from '../support/tmp.js';
import { describeScheduleStoreContract } from './schedule-store.js';

describeScheduleStoreContract('sqlite', {
  async start() {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    const options = { transportOptions: {}, connectTimeoutMs: 20_000 };
    return {
      open: async (member, scope = 'app') => new SqliteScheduleStore(url, options, { scope, member }),
      scopes: () => sqliteScopes(url, options),
      broker: () => openSqliteBroker(url, options),
      stop: async () => {},
    };
  },
});
