/**
 * The measurement of `npm run bench -- eta`, alone and without the peers' packages, as a test wants it: one JSON document.
 *
 *   node bench/eta-memory.mjs [--count 100000] [--due 60] [--over 10] [--broker redis://…]
 *
 * The tasks are due `--due` seconds after the first was sent, over `--over` seconds. stderr is the worker's.
 */
import { join } from 'node:path';
import { measureDueLater } from './lib/due-later.mjs';
import { readOptions } from './lib/options.mjs';
import { withFolder } from './lib/processes.mjs';
import { quantile } from './lib/stats.mjs';

const { values } = readOptions({
  count: { type: 'string', default: '100000' },
  due: { type: 'string', default: '60' },
  over: { type: 'string', default: '10' },
  broker: { type: 'string' },
});
const size = { tasks: Number(values.count), dueS: Number(values.due), overS: Number(values.over) };

await withFolder(async (folder) => {
  const broker = values.broker ?? `sqlite://${join(folder, 'ctq.db')}`;
  const { idle, waiting, most, late, stopMs, said } = await measureDueLater(broker, size, folder);
  const tenths = (value) => Math.round(value * 10) / 10;
  process.stderr.write(said);
  console.log(
    JSON.stringify({
      broker: broker.split(':')[0],
      count: size.tasks,
      idleMb: tenths(idle),
      growthWaitingMb: tenths(waiting),
      growthMostMb: tenths(most),
      ran: late.length,
      lateMs: { least: quantile(late, 0), p50: quantile(late, 0.5), p99: quantile(late, 0.99), most: quantile(late, 1) },
      stopMs: Math.round(stopMs),
    }),
  );
});
