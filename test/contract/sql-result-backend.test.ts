import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSqliteBroker } from '../../src/brokers/sqlite/broker.js';
import type { ResultBackend } from '../../src/result-backend.js';
import { openResultBackend } from '../../src/result-backends/index.js';
import { describeWith } from '../support/requires.js';
import { type SqlServer, startMariadb, startPostgres } from '../support/sql-servers.js';
import { tmpFolder } from '../support/tmp.js';
import { resultMeta } from './metas.js';
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

    it('that is killed and comes back has what was stored meanwhile, and whoever waits hears of it', { timeout: 90_000 }, async () => {
      const url = `db+${server?.newDatabase()}`;
      const open = (): Promise<ResultBackend> => openResultBackend(url, { ...options, connectTimeoutMs: 60_000, resultExpires: null });
      const [reader, writer] = [await open(), await open()];
      await writer.store(resultMeta('before', 'SUCCESS', 1));
      const waiting = [reader.wait('meanwhile-0', {}), reader.wait('meanwhile-49', {})];
      const back = server?.restart();
      const ids = Array.from({ length: 50 }, (_, index) => `meanwhile-${index}`);
      await Promise.all(ids.map((id, index) => writer.store(resultMeta(id, 'SUCCESS', index))));
      await back;
      expect((await Promise.all(waiting)).map(({ result }) => result)).toEqual([0, 49]);
      expect((await reader.loadMany(['before', ...ids])).map((meta) => meta?.status)).toEqual(Array(51).fill('SUCCESS'));
      await Promise.all([reader.close(), writer.close()]);
    });

    contract(`db+${need}`, async () => `db+${server?.newDatabase()}`, LONG_IDS);
  });
}
