import { join } from 'node:path';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { SqliteStore } from '../../src/connections/sqlite/store.js';
import { openSqliteResultBackend, SqliteResultBackend } from '../../src/result-backends/sqlite.js';
import { tmpFolder } from '../support/tmp.js';
import { describeResultBackendContract } from './result-backend.js';

const options = { transportOptions: {}, connectTimeoutMs: 20_000 };

describeResultBackendContract('sqlite, sharing the file with the broker', {
  settlesJointly: true,
  async start() {
    const url = `sqlite://${join(tmpFolder(), 'ctq.db')}`;
    return {
      open: ({ resultExpires }) => openSqliteResultBackend(url, { ...options, resultExpires }),
      openBroker: () => openSqliteBroker(url, options),
      stop: async () => {},
    };
  },
});

describeResultBackendContract('sqlite, each client with a handle of its own', {
  settlesJointly: false,
  async start() {
    const path = join(tmpFolder(), 'ctq.db');
    const url = `sqlite://${path}`;
    return {
      open: async ({ resultExpires }) =>
        new SqliteResultBackend(new SqliteStore({ path, sync: 'normal' }), url, { ...options, resultExpires }),
      openBroker: () => openSqliteBroker(url, options),
      stop: async () => {},
    };
  },
});
