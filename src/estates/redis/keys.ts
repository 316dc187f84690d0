/**
 * Every key of a database, looked at in pages of one SCAN step and one script, so that no command takes long
 * and a remote server costs two round trips for five hundred keys.
 */
import { isUtf8 } from 'node:buffer';
import type { KeyDesk, KeyQuery, KeyReport } from '../../estate/keys.js';
import { showKey } from './key-contents.js';
import { keyFactsScript } from './key-scripts.js';
import { keyNaming, type NamedKey } from './key-names.js';
import { orphansAmong, removeOrphans } from './orphans.js';
import { allBindings, queueOfList } from './queue-names.js';
import type { RedisStore } from './store.js';

const PAGE = 500;
/** Bytes of a list's next message: enough to see the first name in it. */
const PEEK = 64;
/** What kombu, ctq or another client begins a message with. */
const ENVELOPE = /^\s*\{\s*"(body|headers|properties|content-encoding|content-type)"/;

/** A key with what only the server knows and no reader wants. */
export interface FoundKey extends KeyReport {
  readonly idleS: number | undefined;
}

export function redisKeyDesk(store: RedisStore): KeyDesk {
  return {
    scan: (query, signal) => scanKeys(store, query, signal),
    async show(name, page) {
      const found = await readFacts(store, [Buffer.from(name)], boundLists(store));
      const [report] = await orphansAmong(store, found);
      return report === undefined ? undefined : showKey(store, report, page);
    },
    removeOrphans: (keys) => removeOrphans(store, keys),
  };
}

async function* scanKeys(store: RedisStore, { pattern, kinds }: KeyQuery, signal?: AbortSignal): AsyncGenerator<readonly KeyReport[]> {
  const wanted = kinds === undefined ? undefined : new Set(kinds);
  const seen = new Set<string>();
  const bound = boundLists(store);
  for await (const names of pages(store, pattern, signal)) {
    const fresh = names.filter((name) => {
      const id = name.toString('latin1');
      return !seen.has(id) && seen.add(id);
    });
    const found = await readFacts(store, fresh, bound);
    const reports = found.filter(({ kind }) => wanted === undefined || wanted.has(kind));
    if (reports.length > 0) yield await orphansAmong(store, reports);
  }
}

/** The next step of SCAN is under way while the keys of the one before are looked at. */
async function* pages(store: RedisStore, pattern: string | undefined, signal?: AbortSignal): AsyncGenerator<readonly Buffer[]> {
  const rest = [...(pattern === undefined ? [] : ['MATCH', pattern]), 'COUNT', String(PAGE)];
  const step = (cursor: Buffer | string): Promise<readonly [Buffer, readonly Buffer[]]> =>
    store.read((connection) => connection.callForBytes('scan', [cursor, ...rest])) as Promise<readonly [Buffer, readonly Buffer[]]>;
  let next: ReturnType<typeof step> | undefined = step('0');
  while (next !== undefined) {
    const [cursor, names]: readonly [Buffer, readonly Buffer[]] = await next;
    signal?.throwIfAborted();
    next = cursor.toString() === '0' ? undefined : step(cursor);
    // Should nobody come back for it, its failure is nobody's.
    next?.catch(() => {});
    // A hash table that is being grown gives more than it was asked for.
    for (let at = 0; at < names.length; at += PAGE) yield names.slice(at, at + PAGE);
  }
}

type Facts = readonly [type: Buffer, members: number, bytes: number, ttlMs: number, idleS: number, head: Buffer];

async function readFacts(store: RedisStore, names: readonly Buffer[], bound: () => Promise<ReadonlySet<string>>): Promise<FoundKey[]> {
  if (names.length === 0) return [];
  const facts = (await store.read((connection) =>
    // The driver joins texts, and writes bytes one by one.
    connection.runForBytes(
      keyFactsScript,
      names.map((name) => (isUtf8(name) ? name.toString('utf8') : name)),
      ['.pidbox', String(PEEK)],
    ),
  )) as readonly Facts[];
  const naming = keyNaming(store.layout, store.resultKeys);
  const found: FoundKey[] = [];
  for (const [index, [type, members, bytes, ttlMs, idleS, head]] of facts.entries()) {
    if (type.toString() === 'none') continue;
    const name = (names[index] as Buffer).toString('utf8');
    const { kind, about } = naming.name(name) ?? (await listOrUnknown(store, name, { type: type.toString(), head, bound }));
    found.push({
      ...{ name, kind, about, type: type.toString() },
      members: members < 0 ? undefined : members,
      bytes: bytes < 0 ? undefined : bytes,
      ttlMs: ttlMs < 0 ? undefined : ttlMs,
      idleS: idleS < 0 ? undefined : idleS,
    });
  }
  return found;
}

interface Evidence {
  readonly type: string;
  readonly head: Buffer;
  readonly bound: () => Promise<ReadonlySet<string>>;
}

/** A queue needs no binding: the default exchange reaches it by its name. Then what lies in it tells. */
async function listOrUnknown({ layout }: RedisStore, name: string, { type, head, bound }: Evidence): Promise<NamedKey> {
  if (!name.startsWith(layout.prefix)) return { kind: 'unknown', about: `not under the prefix ${layout.prefix}` };
  const { queue, priority } = queueOfList(layout, name);
  const isQueue = type === 'list' && (ENVELOPE.test(head.toString('latin1')) || (await bound()).has(queue));
  if (!isQueue) return { kind: 'unknown', about: "not Celery's" };
  return { kind: 'queue', about: `queue ${queue}${priority === 0 ? '' : `, priority ${priority}`}` };
}

/** Names of bound queues; read when they are first asked for. */
function boundLists({ read, layout }: RedisStore): () => Promise<ReadonlySet<string>> {
  let bound: Promise<ReadonlySet<string>> | undefined;
  return () => {
    bound ??= read((connection) => allBindings(connection, layout)).then(
      (exchanges) => new Set(exchanges.flatMap(({ queues }) => queues.map(({ queue }) => queue))),
    );
    return bound;
  };
}
