/** Where a task is: its result, who holds its message, and last of all the queues. */
import { failedAtKey, revokedKey } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { ChordCount, TaskDesk, TaskWhereabouts } from '../../estate/tasks.js';
import { escapeGlob } from '../glob.js';
import { readResult } from '../stored-result.js';
import { heldIds, heldPlaces } from './held-tasks.js';
import { queuedIds, searchQueues } from './queue-search.js';
import { scanned } from './scan.js';
import type { RedisStore } from './store.js';

const SCAN_COUNT = '2000';

export function redisTaskDesk(store: RedisStore): TaskDesk {
  const { layout, resultKeys } = store;
  return {
    async complete(prefix, limit, search) {
      const ids = await store.read(async (connection) => {
        const known = await Promise.all([
          storedIds(connection, store, prefix, limit),
          heldIds(connection, layout, prefix),
          failedIds(connection, store, prefix, limit),
        ]);
        return [...new Set(known.flat())];
      });
      return ids.length > 0 ? ids.slice(0, limit) : queuedIds(store, prefix, limit, search);
    },
    look: (taskId) => store.read((connection) => look(connection, store, taskId)),
    search: (taskId, search) => searchQueues(store, taskId, search),
    chord: (groupId) => store.read((connection) => chordCount(connection, groupId, resultKeys.groupKeyOf(groupId))),
  };
}

/** Every key is looked at once: SCAN has no index to go by. */
async function storedIds(connection: RedisConnection, { resultKeys }: RedisStore, prefix: string, limit: number): Promise<string[]> {
  const pattern = `${escapeGlob(resultKeys.keyOf(prefix))}*`;
  const ids = new Set<string>();
  for await (const names of scanned((cursor) => connection.call('scan', [cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT]))) {
    for (const name of names) ids.add(resultKeys.taskOf(name) ?? '');
    if (ids.size >= limit) break;
  }
  return [...ids].filter((id) => id !== '');
}

/** Tasks that failed and leave no result have a record all the same. */
async function failedIds(connection: RedisConnection, { layout }: RedisStore, prefix: string, limit: number): Promise<string[]> {
  const ids = new Set<string>();
  const rest = ['MATCH', `${escapeGlob(prefix)}*`, 'COUNT', SCAN_COUNT];
  for await (const flat of scanned((cursor) => connection.call('zscan', [failedAtKey(layout), cursor, ...rest]))) {
    for (let at = 0; at < flat.length; at += 2) ids.add(flat[at] ?? '');
    if (ids.size >= limit) break;
  }
  return [...ids];
}

async function look(connection: RedisConnection, { layout, resultKeys }: RedisStore, taskId: string): Promise<TaskWhereabouts> {
  const key = resultKeys.keyOf(taskId);
  const [text, ttl, revokedUntil, failedAt, held] = await Promise.all([
    connection.call('get', [key]),
    connection.call('pttl', [key]),
    connection.call('zscore', [revokedKey(layout), taskId]),
    connection.call('zscore', [failedAtKey(layout), taskId]),
    heldPlaces(connection, layout, taskId),
  ]);
  return {
    result: typeof text === 'string' ? readResult(text, taskId) : undefined,
    resultTtlMs: Number(ttl) < 0 ? undefined : Number(ttl),
    revoked: revokedUntil !== null,
    held,
    failedAtMs: failedAt === null ? undefined : Number(failedAt),
  };
}

async function chordCount(connection: RedisConnection, groupId: string, key: string): Promise<ChordCount | undefined> {
  const [type, size, added] = await Promise.all([
    connection.call('type', [`${key}.j`]),
    connection.call('get', [`${key}.s`]),
    connection.call('get', [`${key}.t`]),
  ]);
  if (type === 'none' && size === null) return undefined;
  const done =
    type === 'zset' ? await connection.call('zcard', [`${key}.j`]) : type === 'list' ? await connection.call('llen', [`${key}.j`]) : 0;
  return { groupId, done: Number(done), size: size === null ? undefined : Number(size) + Number(added ?? 0) };
}
