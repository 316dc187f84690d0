/** Tasks that are due later: how much a worker grows that has taken them (RELIABILITY M19), and how late they run. */
import { join } from 'node:path';
import { measureDueLater } from '../lib/due-later.mjs';
import { withFolder } from '../lib/processes.mjs';
import { withRedis } from '../lib/redis.mjs';
import { quantile } from '../lib/stats.mjs';

export const title = 'Tasks that are due later';
export const sizes = {
  full: { tasks: 100_000, dueS: 60, overS: 10, rounds: 1 },
  check: { tasks: 20_000, dueS: 20, overS: 5 },
  quick: { tasks: 500, dueS: 5, overS: 2 },
};

const BROKERS = {
  'ctq, Redis': (size) => withRedis((redis) => withFolder((folder) => measureDueLater(redis.url, size, folder))),
  'ctq, SQLite': (size) => withFolder((folder) => measureDueLater(`sqlite://${join(folder, 'ctq.db')}`, size, folder)),
};

export async function run({ size, record, turns }) {
  const measured = await turns('due later', Object.keys(BROKERS), (name) => BROKERS[name](size));
  const rows = (of) => Object.fromEntries(Object.entries(measured).map(([name, list]) => [name, list.map(of)]));
  const about = `${size.tasks.toLocaleString('en-GB')} tasks`;
  record.group(`growth while ${about} wait`, { unit: 'MB', better: 'less', rows: rows(({ waiting }) => waiting) });
  record.group('growth at the most, running included', { unit: 'MB', better: 'less', rows: rows(({ most }) => most) });
  record.group('late, p50', { unit: 'ms', better: 'less', rows: rows(({ late }) => quantile(late, 0.5)) });
  record.group('late, p99', { unit: 'ms', better: 'less', rows: rows(({ late }) => quantile(late, 0.99)) });
  record.group('stopping afterwards', { unit: 'ms', better: 'less', rows: rows(({ stopMs }) => stopMs) });
}
