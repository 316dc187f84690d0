import { deadLettersKey, failedAtKey, failedKey, priorityList } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import { redisScript } from '../../connections/redis/script.js';
import type { DeadLetter, DeadLetterDesk, SendAgain, StoredFailure } from '../../estate/dead-letters.js';
import { isRecord } from '../../protocol/record.js';
import { failedLetter, failureIn, messageIn } from '../dead-letter-text.js';
import { escapeGlob } from '../glob.js';
import sendAgainLua from './send-again.lua';
import type { RedisStore } from './store.js';

const sendAgainScript = redisScript(sendAgainLua);

/** Messages may be large. */
const PAGE = 100;
const RESULTS_PAGE = 500;

export function redisDeadLetterDesk(store: RedisStore): DeadLetterDesk {
  const { layout, resultKeys } = store;
  const [failed, failedAt] = [failedKey(layout), failedAtKey(layout)];

  async function* failedTasks(signal?: AbortSignal): AsyncIterable<readonly DeadLetter[]> {
    for (let from = 0; ; from += PAGE) {
      signal?.throwIfAborted();
      const page = await store.read(async (connection) => {
        const members = (await connection.call('zrevrange', [failedAt, String(from), String(from + PAGE - 1), 'WITHSCORES'])) as string[];
        const ids = members.filter((_member, index) => index % 2 === 0);
        const records = ids.length === 0 ? [] : ((await connection.call('hmget', [failed, ...ids])) as (string | null)[]);
        return ids.map((id, index) => ({ id, atMs: Number(members[index * 2 + 1]), record: records[index] }));
      });
      if (page.length === 0) return;
      yield page.flatMap(({ id, atMs, record }) => (typeof record === 'string' ? [letterOf(id, record, atMs)] : []));
      if (page.length < PAGE) return;
    }
  }

  async function* refused(signal?: AbortSignal): AsyncIterable<readonly DeadLetter[]> {
    const prefix = deadLettersKey(layout, '');
    const lists = new Set<string>();
    for await (const keys of scanned(store, `${escapeGlob(prefix)}*`, signal)) for (const key of keys) lists.add(key);
    for (const list of [...lists].sort()) {
      for (let from = 0; ; from += PAGE) {
        signal?.throwIfAborted();
        const items = (await store.read((connection) =>
          connection.call('lrange', [list, String(from), String(from + PAGE - 1)]),
        )) as string[];
        if (items.length > 0) yield items.map((item) => refusedLetter(list.slice(prefix.length), item));
        if (items.length < PAGE) break;
      }
    }
  }

  return {
    async *list(signal) {
      yield* failedTasks(signal);
      yield* refused(signal);
    },
    async counts(sinceMs) {
      const [all, since] = await store.read((connection) =>
        Promise.all([connection.call('zcard', [failedAt]), connection.call('zcount', [failedAt, String(sinceMs), '+inf'])]),
      );
      const counts = new Map<string, number>();
      const prefix = deadLettersKey(layout, '');
      for await (const keys of scanned(store, `${escapeGlob(prefix)}*`)) {
        const lengths = await store.read((connection) => Promise.all(keys.map((key) => connection.call('llen', [key]))));
        for (const [index, key] of keys.entries()) counts.set(key.slice(prefix.length), Number(lengths[index]));
      }
      return { failed: Number(all), failedSince: Number(since), refused: counts };
    },
    find: (taskId) =>
      store.read(async (connection) => {
        const [record, at] = await Promise.all([connection.call('hget', [failed, taskId]), connection.call('zscore', [failedAt, taskId])]);
        return typeof record === 'string' && typeof at === 'string' ? letterOf(taskId, record, Number(at)) : undefined;
      }),
    async *failures(signal) {
      for await (const keys of scanned(store, `${escapeGlob(resultKeys.keyOf(''))}*`, signal)) {
        for (let from = 0; from < keys.length; from += RESULTS_PAGE) {
          const some = keys.slice(from, from + RESULTS_PAGE);
          const texts = await store.read((connection) => Promise.all(some.map((key) => failureText(connection, key))));
          const found = texts.flatMap((text, index) => failureOf(some[index] ?? '', text));
          if (found.length > 0) yield found;
        }
      }
    },
    async findFailure(taskId) {
      const key = resultKeys.keyOf(taskId);
      const text = await store.read((connection) => connection.call('get', [key]));
      return failureOf(key, text)[0];
    },
    isChordOpen: async (groupId) =>
      (await store.read((connection) => connection.call('exists', [`${resultKeys.groupKeyOf(groupId)}.s`]))) === 1,
    sendAgain: async (again) => (((await store.write((connection) => run(connection, again))) as number) === 1 ? 'sent' : 'gone'),
    remove: (letter) =>
      store.write(async (connection) => {
        if (letter.kind === 'refused') {
          return ((await connection.call('lrem', [deadLettersKey(layout, letter.queue), '1', letter.key])) as number) > 0;
        }
        const [gone] = await Promise.all([connection.call('hdel', [failed, letter.key]), connection.call('zrem', [failedAt, letter.key])]);
        return gone === 1;
      }),
  };

  function failureOf(key: string, text: unknown): readonly StoredFailure[] {
    const taskId = resultKeys.taskOf(key);
    const failure = typeof text === 'string' && taskId !== undefined ? failureIn(taskId, text) : undefined;
    return failure === undefined ? [] : [failure];
  }

  function run(connection: RedisConnection, { letter, failure, queue, priority, envelope }: SendAgain): Promise<unknown> {
    const taskId = letter?.kind === 'failed' ? letter.key : (failure?.taskId ?? '');
    const keys = [
      ...[priorityList(layout, queue, priority), failed, failedAt, deadLettersKey(layout, letter?.queue ?? '')],
      resultKeys.keyOf(failure?.taskId ?? taskId),
    ];
    const expected = letter === undefined ? '' : letter.kind === 'failed' ? String(letter.atMs) : letter.key;
    return connection.run(sendAgainScript, keys, [
      ...[letter?.kind ?? (failure === undefined ? 'unchecked' : 'result'), expected, taskId, envelope],
      ...[failure?.seen ?? '', failure?.now ?? ''],
    ]);
  }
}

function letterOf(id: string, record: string, atMs: number): DeadLetter {
  const end = record.indexOf('\n');
  return failedLetter(id, record.slice(0, Math.max(end, 0)), record.slice(end + 1), atMs);
}

/** `{"reason", "at", "owner"}`, a line feed, the item as it was (docs/wire/redis.md). */
function refusedLetter(queue: string, item: string): DeadLetter {
  const end = item.indexOf('\n');
  const text = item.slice(end + 1);
  const { reason, atMs } = aboutRefused(item.slice(0, Math.max(end, 0)));
  return { kind: 'refused', key: item, queue, reason, note: undefined, atMs, text, message: messageIn(text) };
}

function aboutRefused(line: string): { readonly reason: string; readonly atMs: number } {
  try {
    const about: unknown = JSON.parse(line);
    if (!isRecord(about)) return { reason: '', atMs: 0 };
    const { reason, at } = about;
    return { reason: typeof reason === 'string' ? reason : '', atMs: typeof at === 'number' ? at * 1000 : 0 };
  } catch {
    return { reason: '', atMs: 0 };
  }
}

/** Of a value that is larger than this only the beginning is read first: results may have megabytes, and most are no failures. */
const READ_FIRST = 65_536;
/** The state stands first in what Celery and ctq store. */
const OTHER_STATE = /^\{"status": ?"(?!FAILURE")[A-Z]+"/;

/** The document, unless its first words say that it is no failure; null for what is no string. */
async function failureText(connection: RedisConnection, key: string): Promise<string | null> {
  const start = (await connection.call('getrange', [key, '0', String(READ_FIRST - 1)]).catch(() => null)) as string | null;
  if (start === null || Buffer.byteLength(start) < READ_FIRST) return start;
  return OTHER_STATE.test(start) ? null : ((await connection.call('get', [key])) as string | null);
}

/** Keys in pages as the server finds them; one that moves meanwhile may come twice. */
async function* scanned(store: RedisStore, pattern: string, signal?: AbortSignal): AsyncIterable<readonly string[]> {
  let cursor = '0';
  do {
    signal?.throwIfAborted();
    const reply = await store.read((connection) => connection.call('scan', [cursor, 'MATCH', pattern, 'COUNT', '1000']));
    const [next, keys] = reply as unknown as [string, string[]];
    if (keys.length > 0) yield keys;
    cursor = next;
  } while (cursor !== '0');
}
