/** Queues in the file: what was declared, and what lies in the one table of messages. */
import { abouts, noteStopped, pausedQueues, pauseQueues, resumeQueues, stoppedFrom } from '../../brokers/sqlite/desk-tables.js';
import type { SqliteConnection } from '../../connections/sqlite.js';
import type { OldestMessage, QueueDesk, QueueReport } from '../../estate/queues.js';
import { consumptionOf } from '../consumption.js';
import type { SqliteReader } from './store.js';

export function sqliteQueueDesk(store: SqliteReader): QueueDesk {
  return {
    names: () => store.read(queueNames),
    report: (names) => store.read((db) => report(db, names)),
    holds: 'our workers',
    paused: () => store.read(pausedQueues),
    pause: (names) => store.write((db) => pauseQueues(db, names)),
    noteStopped: (name, nodes) => store.write((db) => noteStopped(db, name, nodes)),
    stopped: (name) => store.read((db) => stoppedFrom(db, name)),
    resume: (names) => store.write((db) => resumeQueues(db, names)),
  };
}

const READY = 'owner IS NULL AND due_at IS NULL';

/** Queues of one listener are mailboxes and answers; those of a worker's broadcasts go with it. */
function queueNames(db: SqliteConnection): string[] {
  const named = db.all<{ name: string }>(
    `SELECT name FROM queue WHERE holder IS NULL
     UNION SELECT DISTINCT queue FROM message WHERE queue NOT IN (SELECT name FROM queue WHERE holder IS NOT NULL)`,
  );
  const names = new Set(named.map(({ name }) => name));
  for (const name of pausedQueues(db)) names.add(name);
  for (const { queues } of abouts(db)) for (const { name } of queues) names.add(name);
  return [...names].sort();
}

function report(db: SqliteConnection, names: readonly string[]): QueueReport[] {
  const paused = pausedQueues(db);
  const told = abouts(db);
  const count = (sql: string): Map<string, number> =>
    new Map(db.all<{ queue: string; count: number }>(sql).map(({ queue, count }) => [queue, count]));
  const unacked = count('SELECT queue, count(*) AS count FROM message WHERE owner IS NOT NULL GROUP BY queue');
  const delayed = count('SELECT queue, count(*) AS count FROM message WHERE owner IS NULL AND due_at IS NOT NULL GROUP BY queue');
  return names.map((name) => {
    const steps = db.all<{ priority: number; count: number }>(
      `SELECT step AS priority, count(*) AS count FROM message WHERE queue = ? AND ${READY} GROUP BY step ORDER BY step`,
      name,
    );
    const consumption = consumptionOf(name, told);
    const oldest = oldestOf(db, name, steps);
    return {
      name,
      ready: steps.reduce((sum, step) => sum + step.count, 0),
      readyByPriority: steps,
      unacked: unacked.get(name) ?? 0,
      delayed: delayed.get(name) ?? 0,
      paused: paused.includes(name),
      ...(consumption === undefined ? {} : { consumption }),
      ...(oldest === undefined ? {} : { oldest }),
    };
  });
}

/** Each row says when it was published; the next one of each step has waited longest, or nearly so. */
function oldestOf(db: SqliteConnection, queue: string, steps: readonly { readonly priority: number }[]): OldestMessage | undefined {
  const times = steps.map(
    ({ priority }) =>
      db.get<{ at: number }>(
        `SELECT published_at AS at FROM message WHERE queue = ? AND step = ? AND ${READY} ORDER BY place, id LIMIT 1`,
        queue,
        priority,
      )?.at ?? Number.POSITIVE_INFINITY,
  );
  if (times.length === 0) return undefined;
  return { ageMs: Math.max(0, Date.now() - Math.min(...times)), basis: 'header' };
}
