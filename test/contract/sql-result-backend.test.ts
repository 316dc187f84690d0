import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import { openResultBackend } from '../../src/result-backends/index.js';
import { describeWith } from '../support/requires.js';
import { type SqlServer, startMariadb, startPostgres } from '../support/sql-servers.js';
import { tmpFolder } from '../support/tmp.js';
import { describeResultBackendContract } from './result-backend.js';

const options = { transportOptions: {}, connectTimeoutMs: 20_000 };
const LONG_IDS = { 'task ids of any form are kept apart': 'Celery’s column holds 155 characters, and MySQL pads texts with spaces' };

function contract(name: string, newDatabase: () => Promise<string>, skips: Readonly<Record<string, string>> = {}): void {
  describeResultBackendContract(
    name,
    {
      settlesJointly: false,
      async start() {
        const url = await newDatabase();
        const messages = `sqlite://${join(tmpFolder(), 'ctq.db')}`;
        return {
          open: ({ resultExpires }) => openResultBackend(url, { ...options, resultExpires }),
          openBroker: () => openSqliteBroker(messages, options),
          stop: async () => {},
        };
      },
    },
    skips,
  );
}

contract('db+sqlite', async () => `db+sqlite:///${join(tmpFolder(), 'results.db')}`);

for (const [need, start] of [
  ['postgres', startPostgres],
  ['mariadb', startMariadb],
] as const) {
  describeWith(need, `a server of its own: ${need}`, () => {
    let server: SqlServer | undefined;
    beforeAll(async () => {
      server = await start();
    }, 120_000);
    afterAll(() => server?.stop());
    contract(`db+${need}`, async () => `db+${server?.newDatabase()}`, LONG_IDS);
  });
}
