/** The embedded broker in a file of the benchmark's own: filled by ctq's client, counted beside the worker. */
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { Ctq } from '../../dist/index.js';
import { rateOf } from './drain.mjs';
import { startCtqWorker } from './peers.mjs';
import { makeFolder, removeFolder, stop } from './processes.mjs';

const PAGE = 500;

/** Tasks a second out of one SQLite file, results stored in it. `sync` is full or normal. */
export async function drainSqlite(count, sync) {
  const folder = makeFolder();
  const url = `sqlite://${join(folder, 'ctq.db')}?sync=${sync}`;
  let worker;
  let database;
  try {
    const app = new Ctq('bench', { brokerUrl: url });
    for (let from = 0; from < count; from += PAGE) {
      const sent = Array.from({ length: Math.min(PAGE, count - from) }, () => app.sendTask('tasks.add', [4, 5]));
      await Promise.all(sent.map((task) => task.published));
    }
    await app.close();
    database = new DatabaseSync(join(folder, 'ctq.db'), { readOnly: true });
    // Ids of results are given in order, so the highest is their number.
    const highest = database.prepare('SELECT max(id) AS done FROM result');
    worker = startCtqWorker(url);
    return await rateOf(() => Number(highest.get().done ?? 0), count, worker);
  } finally {
    database?.close();
    await stop(worker);
    removeFolder(folder);
  }
}
