/** Results in SQL databases and memcached, each side's worker with the other side's client. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Ctq } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { forSuite } from '../support/for-suite.js';
import { findCeleryPython, pythonHas, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith, type Need, testUnless } from '../support/requires.js';
import { startMariadb, startMemcached, startPostgres } from '../support/sql-servers.js';
import { tmpFolder } from '../support/tmp.js';

interface Store {
  readonly ours: string;
  readonly theirs: string;
  stop(): Promise<void>;
}

const stores: readonly {
  readonly name: string;
  readonly needs: readonly Need[];
  /** Who makes the tables. */
  readonly first: 'ours' | 'theirs' | 'nobody';
  /** What Python's Celery needs for it. */
  readonly modules: readonly string[];
  /** Settings of both sides. */
  readonly settings?: Readonly<Record<string, unknown>>;
  start(): Promise<Store>;
}[] = [
  {
    ...{ name: 'an SQLite file', needs: [], first: 'ours', modules: ['sqlalchemy'] },
    async start() {
      const url = `db+sqlite:///${tmpFolder()}/results.db`;
      return { ours: url, theirs: url, stop: async () => {} };
    },
  },
  {
    ...{ name: 'PostgreSQL', needs: ['postgres'], first: 'ours', modules: ['sqlalchemy', 'psycopg2'] },
    settings: {
      database_table_names: { task: 'ShopResults', group: 'shop_sets' },
      database_table_schemas: { task: 'public', group: 'public' },
    },
    async start() {
      const server = await startPostgres();
      const url = `db+${server.newDatabase()}`;
      return { ours: url, theirs: url, stop: () => server.stop() };
    },
  },
  {
    ...{ name: 'MariaDB', needs: ['mariadb'], first: 'theirs', modules: ['sqlalchemy', 'pymysql'] },
    async start() {
      const server = await startMariadb();
      const url = `db+${server.newDatabase()}`.replace('mysql:', 'mysql+pymysql:');
      return { ours: url, theirs: url, stop: () => server.stop() };
    },
  },
  {
    ...{ name: 'memcached, two servers', needs: ['memcached'], first: 'nobody', modules: ['memcache'] },
    async start() {
      const servers = await Promise.all([startMemcached(), startMemcached()]);
      const url = `cache+memcached://${servers.map(({ address }) => address).join(';')}/`;
      return { ours: url, theirs: url, stop: async () => void (await Promise.all(servers.map((server) => server.stop()))) };
    },
  },
];

describeWith(['redis', 'python'], 'results that both sides keep in one place', () => {
  const redis = forSuite(startRedis);

  for (const { name, needs, first, modules, settings = {}, start } of stores) {
    describeWith(['redis', 'python', ...needs], name, () => {
      const absent = findCeleryPython() === undefined ? modules : modules.filter((module) => !pythonHas(module));
      const title = `${name}: values and failures, written and read by either${first === 'nobody' ? '' : `, tables made by ${first}`}`;
      testUnless(
        absent.length > 0 ? `Python has no ${absent.join(', ')}` : undefined,
        title,
        async () => {
          const store = await start();
          await redis().command('FLUSHALL');
          const python = { broker: redis().url, backend: store.theirs, conf: { result_extended: true, ...settings } };
          const config = join(tmpFolder(), 'ctq.config.json');
          writeFileSync(config, JSON.stringify(settings));
          const app = new Ctq('client', { brokerUrl: redis().url, resultBackend: store.ours, ...settings });
          if (first === 'ours') await app.AsyncResult('nothing').state();
          if (first === 'theirs') await runPython('app.backend.ResultSession()', python);
          const [theirs, ours] = await Promise.all([
            startCeleryWorker({ ...python, queues: ['theirs'] }),
            startCtqWorker({ broker: redis().url, backend: store.ours, queues: ['ours'], args: ['--config', config] }),
          ]);
          try {
            const values = [3, null, true, 1.5, 'ü', [1, [2]], { a: { b: [] } }];
            for (const queue of ['theirs', 'ours']) {
              const sent = values.map((value) => app.sendTask('tasks.ident', [value], { queue }));
              expect(await Promise.all(sent.map((result) => result.get({ timeout: 30 })))).toEqual(values);
              await expect(app.sendTask('tasks.fail', ['boom'], { queue }).get({ timeout: 30 })).rejects.toThrow('boom');
            }
            const read = await runPython(
              `
            result = []
            for queue in ("ours", "theirs"):
                sent = [app.send_task("tasks.ident", (value,), queue=queue) for value in (3, None, True, 1.5, "ü", [1, [2]], {"a": {"b": []}})]
                result.append([one.get(timeout=30) for one in sent])
                failed = app.send_task("tasks.fail", ("boom",), queue=queue)
                try:
                    failed.get(timeout=30)
                except Exception as error:
                    result.append([type(error).__name__, str(error), failed.status])
            `,
              python,
            );
            expect(read).toEqual([values, ['ValueError', 'boom', 'FAILURE'], values, ['ValueError', 'boom', 'FAILURE']]);
          } finally {
            await Promise.all([app.close(), theirs.kill(), ours.kill()]);
            await store.stop();
          }
        },
        { timeout: 120_000 },
      );
    });
  }
});
