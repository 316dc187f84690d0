import { join } from 'node:path';
import { SqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { insertMessage } from '../../src/brokers/sqlite/messages.js';
import { SqliteStore } from '../../src/connections/sqlite/store.js';
import { tmpFolder } from '../support/tmp.js';
import { type BrokerEngine, describeBrokerContract } from './broker.js';

const options = { transportOptions: {}, connectTimeoutMs: 20_000 };

/** @param openStore - One handle for each client, as if each were a process; or one for all, as in a process that shares it. */
function sqliteEngine(openStore: (path: string) => SqliteStore): BrokerEngine {
  return {
    priorityOrder: 'lowest-first',
    prioritySteps: [0, 3, 6, 9],
    redeliveryCount: 'exact',
    async start() {
      const path = join(tmpFolder(), 'ctq.db');
      const tools = new SqliteStore({ path, sync: 'normal' });
      return {
        open: async () => new SqliteBroker(openStore(path), `sqlite://${path}`, options),
        putRaw: (queue, raw) => tools.write((db) => insertMessage(db, { queue, step: 0, envelope: raw }, Date.now()), { announce: true }),
        deadLetters: (queue) =>
          tools.read((db) =>
            db
              .all<{ reason: string; envelope: unknown }>('SELECT reason, envelope FROM dead_letter WHERE queue = ? ORDER BY id', queue)
              .map(({ reason, envelope }) => ({ reason, id: typeof envelope === 'string' ? idIn(envelope) : undefined })),
          ),
        stop: () => tools.release(),
      };
    },
  };
}

function idIn(envelope: string): string {
  return (JSON.parse(envelope) as { headers: { id: string } }).headers.id;
}

describeBrokerContract(
  'sqlite, each client with a handle of its own',
  sqliteEngine((path) => new SqliteStore({ path, sync: 'normal' })),
);
describeBrokerContract(
  'sqlite, all clients on the handle of the process, synchronous=FULL',
  sqliteEngine((path) => SqliteStore.share({ path, sync: 'full' })),
);
