/**
 * What the file holds, under the names that Redis would have for it: one pattern, one habit for both. Each source
 * tells its keys (`keys`: name, members, bytes, expires_at, orphans), and the rows behind one of them.
 */
import type { KeyKind, OrphanReason } from '../../estate/keys.js';

export interface KeySource {
  /** It need not be there: some are made by the first who needs them. */
  readonly table: string;
  readonly kind: KeyKind;
  readonly about: (rest: string) => string;
  /** How its names begin; what follows is the parameter of `rows`. */
  readonly prefix: string;
  readonly keys: string;
  readonly rows: string;
  readonly orphan?: OrphanReason;
}

/** As kombu separates a queue from its priority step. */
export const STEP_SEPARATOR = '\x06\x16';

const READY = 'owner IS NULL AND due_at IS NULL';
/** Bytes of all are measured at some: reading a gigabyte to say so helps nobody. */
const sampled = (where: string): string =>
  `(SELECT avg(length(CAST(envelope AS BLOB))) FROM (SELECT envelope FROM message AS one WHERE ${where} LIMIT 50))`;
const NAME = `queue || CASE step WHEN 0 THEN '' ELSE char(6, 22) || step END`;

export const KEY_SOURCES: readonly KeySource[] = [
  {
    table: 'message',
    kind: 'queue',
    about: queueAbout,
    prefix: '',
    keys: `SELECT ${NAME} AS name, count(*) AS members, round(count(*) * ${sampled('one.queue = message.queue AND one.owner IS NULL AND one.due_at IS NULL')}) AS bytes
           FROM message WHERE ${READY} GROUP BY queue, step`,
    rows: `SELECT envelope FROM message WHERE ${NAME} = ? AND ${READY} ORDER BY place, id`,
  },
  {
    table: 'binding',
    kind: 'binding',
    about: (exchange) => `bindings of exchange ${exchange}`,
    prefix: '_kombu.binding.',
    keys: `SELECT '_kombu.binding.' || exchange AS name, count(*) AS members, sum(queue NOT IN (SELECT name FROM queue)) AS orphans
           FROM binding GROUP BY exchange`,
    rows: 'SELECT queue, routing_key, type FROM binding WHERE exchange = ? ORDER BY queue',
    orphan: 'binding without queue',
  },
  {
    table: 'message',
    kind: 'unacked',
    about: () => 'messages that somebody has and has not answered for',
    prefix: 'unacked',
    keys: `SELECT 'unacked' AS name, count(*) AS members, round(count(*) * ${sampled('one.owner IS NOT NULL')}) AS bytes,
           sum(owner NOT IN (SELECT id FROM owner)) AS orphans FROM message WHERE owner IS NOT NULL HAVING count(*) > 0`,
    rows: `SELECT message.queue, owner.name AS owner, message.redeliveries, message.envelope FROM message
           LEFT JOIN owner ON owner.id = message.owner WHERE message.owner IS NOT NULL AND ? = '' ORDER BY message.id`,
    orphan: 'unacked without owner',
  },
  {
    table: 'message',
    kind: 'delayed',
    about: () => 'messages that wait for their time',
    prefix: 'ctq:parked',
    keys: `SELECT 'ctq:parked' AS name, count(*) AS members, round(count(*) * ${sampled('one.due_at IS NOT NULL')}) AS bytes
           FROM message WHERE due_at IS NOT NULL AND owner IS NULL HAVING count(*) > 0`,
    rows: `SELECT queue, due_at, envelope FROM message WHERE due_at IS NOT NULL AND owner IS NULL AND ? = '' ORDER BY due_at, id`,
  },
  {
    table: 'dead_letter',
    kind: 'dead letters',
    about: (queue) => `refused from queue ${queue}`,
    prefix: 'ctq:dead:',
    keys: `SELECT 'ctq:dead:' || queue AS name, count(*) AS members FROM dead_letter GROUP BY queue`,
    rows: 'SELECT reason, died_at, redeliveries, envelope FROM dead_letter WHERE queue = ? ORDER BY id DESC',
  },
  {
    table: 'failed_task',
    kind: 'failed tasks',
    about: () => 'failed tasks with their messages',
    prefix: 'ctq:failed',
    keys: `SELECT 'ctq:failed' AS name, count(*) AS members FROM failed_task HAVING count(*) > 0`,
    rows: `SELECT task_id, failed_at, about, envelope FROM failed_task WHERE ? = '' ORDER BY failed_at DESC`,
  },
  {
    table: 'aside',
    kind: 'removed',
    about: (id) => `set aside by purge ${id}`,
    prefix: 'ctq:aside:',
    keys: `SELECT 'ctq:aside:' || removal AS name, count(*) AS members FROM aside GROUP BY removal`,
    rows: 'SELECT queue, removed_at, envelope FROM aside WHERE removal = ? ORDER BY number',
  },
  {
    table: 'task_group',
    kind: 'group result',
    about: () => 'tasks of a saved group',
    prefix: 'celery-taskset-meta-',
    keys: `SELECT 'celery-taskset-meta-' || group_id AS name, NULL AS members, length(tree) AS bytes, expires_at, expires_at IS NULL AS orphans
           FROM task_group`,
    rows: 'SELECT tree FROM task_group WHERE group_id = ?',
    orphan: 'result without expiry',
  },
  {
    table: 'chord',
    kind: 'chord',
    about: () => 'parts of a chord that are in',
    prefix: 'celery-taskset-meta-',
    keys: `SELECT 'celery-taskset-meta-' || group_id || '.j' AS name, reported AS members, expires_at FROM chord`,
    rows: `SELECT task_id, group_index, status, result FROM chord_part WHERE group_id || '.j' = ? ORDER BY group_index`,
  },
  listenerQueues('reply queue', 'answers to a remote-control client', "name LIKE '%.reply.%.pidbox'"),
  listenerQueues('pidbox queue', 'remote control for one node', "name LIKE '%.pidbox' AND name NOT LIKE '%.reply.%'"),
  listenerQueues('event queue', 'events for one listener', "name LIKE 'celeryev.%'"),
  listenerQueues('queue', 'a queue of one listener', "name NOT LIKE '%.pidbox' AND name NOT LIKE 'celeryev.%'"),
  {
    table: 'owner',
    kind: 'worker',
    about: () => 'who consumes',
    prefix: 'ctq:workers',
    keys: `SELECT 'ctq:workers' AS name, count(*) AS members FROM owner HAVING count(*) > 0`,
    rows: `SELECT name, pid, uuid, beat, started_at FROM owner WHERE ? = '' ORDER BY id`,
  },
  {
    table: 'rate_line',
    kind: 'limit',
    about: (task) => `rate limit of ${task}`,
    prefix: 'ctq:rate:',
    keys: `SELECT 'ctq:rate:' || name AS name, NULL AS members FROM rate_line`,
    rows: 'SELECT next_at FROM rate_line WHERE name = ?',
  },
  {
    table: 'permit',
    kind: 'limit',
    about: (task) => `who may run ${task}`,
    prefix: 'ctq:permits:',
    keys: `SELECT 'ctq:permits:' || name AS name, count(*) AS members, max(expires_at) AS expires_at FROM permit GROUP BY name`,
    rows: 'SELECT holder, expires_at FROM permit WHERE name = ?',
  },
  {
    table: 'revoked',
    kind: 'revoked',
    about: () => 'tasks that are not to run',
    prefix: 'ctq:revoked',
    keys: `SELECT 'ctq:revoked' AS name, count(*) AS members, max(expires_at) AS expires_at FROM revoked HAVING count(*) > 0`,
    rows: `SELECT id, expires_at FROM revoked WHERE ? = '' ORDER BY expires_at`,
  },
  {
    table: 'paused_queue',
    kind: 'queue',
    about: () => 'queues that are paused',
    prefix: 'ctq:paused',
    keys: `SELECT 'ctq:paused' AS name, count(*) AS members FROM paused_queue HAVING count(*) > 0`,
    rows: `SELECT name FROM paused_queue WHERE ? = '' ORDER BY name`,
  },
  {
    table: 'beat_entry',
    kind: 'beat',
    about: (scope) => `entries of beat of app ${scope}`,
    prefix: 'ctq:beat:',
    keys: `SELECT 'ctq:beat:' || scope AS name, count(*) AS members FROM beat_entry GROUP BY scope`,
    rows: 'SELECT name, definition, paused, last_run_at, total_run_count FROM beat_entry WHERE scope = ? ORDER BY name',
  },
];

/** Not among the others: there may be a million. */
export const RESULT_SOURCE: KeySource = {
  table: 'result',
  kind: 'result',
  about: () => 'result of a task',
  prefix: 'celery-task-meta-',
  keys: `SELECT 'celery-task-meta-' || task_id AS name, NULL AS members, length(meta) AS bytes, expires_at, expires_at IS NULL AS orphans, id
         FROM result`,
  rows: 'SELECT meta FROM result WHERE task_id = ?',
  orphan: 'result without expiry',
};

/** They go by themselves when their holder does. */
function listenerQueues(kind: KeyKind, about: string, which: string): KeySource {
  return {
    ...{ table: 'queue', kind, about: () => about, prefix: '' },
    keys: `SELECT name, NULL AS members, expires_at FROM queue WHERE holder IS NOT NULL AND ${which}`,
    rows: 'SELECT holder, expires_at FROM queue WHERE name = ?',
  };
}

function queueAbout(name: string): string {
  const [queue = name, step] = name.split(STEP_SEPARATOR);
  return `queue ${queue}${step === undefined ? '' : `, priority ${step}`}`;
}
