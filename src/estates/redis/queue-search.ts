/**
 * Looks for a task in queues. The server compares, for a list of forty thousand messages is forty megabytes to
 * carry; a page at a time, so that nobody waits for it. From the left: what is published meanwhile shifts messages
 * towards what has not been looked at, and what is taken leaves at the other end.
 */
import { deadLettersKey } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { QueueSearch, QueueSearchResult, TaskPlace } from '../../estate/tasks.js';
import { publishedAt, readMessage } from '../stored.js';
import { commonOf, idOf, textsOf } from '../task-id-text.js';
import { readRefusedAbout } from './dead-letters/refused-item.js';
import { searchListScript } from './key-scripts.js';
import { queueOfList } from './queue-names.js';
import { scanned } from './scan.js';
import type { RedisStore } from './store.js';

interface List {
  readonly name: string;
  readonly length: number;
  /** Items to look at in one step. */
  readonly page: number;
  readonly deadFrom: string | undefined;
}

interface Hit {
  readonly list: List;
  readonly index: number;
  readonly length: number;
  readonly raw: Buffer;
}

const SCAN_COUNT = '2000';
/** Well below a millisecond of the server's. */
const PAGE_BYTES = 250_000;
const LONGEST_PAGE = 250;
/** Under way at once: a distant server answers the one while the next is on its way. */
const AT_ONCE = 16;
const HITS = 20;
const LINE_FEED = 0x0a;

/** @param limit - Stops at so many ids. */
export async function queuedIds(store: RedisStore, prefix: string, limit: number, search: QueueSearch): Promise<string[]> {
  const ids = new Set<string>();
  await eachHit(store, prefix, search, (hit) => {
    const id = idOf(messageOf(hit));
    if (id?.startsWith(prefix) === true) ids.add(id);
    return ids.size >= limit;
  });
  return [...ids];
}

export async function searchQueues(store: RedisStore, taskId: string, search: QueueSearch): Promise<QueueSearchResult> {
  const ready: TaskPlace[] = [];
  const deadLetters: QueueSearchResult['deadLetters'][number][] = [];
  const { searched, total } = await eachHit(store, taskId, search, (hit) => {
    if (idOf(messageOf(hit)) !== taskId) return false;
    if (hit.list.deadFrom === undefined) ready.push(placeOf(store, hit));
    else deadLetters.push(deadLetterOf(hit, hit.list.deadFrom));
    return true;
  });
  return { ready, deadLetters, searched, total };
}

/** @param found - Says whether that is enough. */
async function eachHit(
  store: RedisStore,
  prefix: string,
  { onProgress, signal }: QueueSearch,
  found: (hit: Hit) => boolean,
): Promise<{ readonly searched: number; readonly total: number }> {
  const lists = await store.read((connection) => listsToSearch(connection, store));
  const total = lists.reduce((sum, { length }) => sum + length, 0);
  const texts = [commonOf(prefix), ...textsOf(prefix)];
  const pages = lists.flatMap((list) =>
    Array.from({ length: Math.ceil(list.length / list.page) }, (_none, index) => ({ list, from: index * list.page })),
  );
  let searched = 0;
  for (let at = 0; at < pages.length; at += AT_ONCE) {
    if (signal?.aborted === true) break;
    const now = pages.slice(at, at + AT_ONCE);
    const hits = await store.read((connection) => Promise.all(now.map(({ list, from }) => lookAt(connection, list, from, texts))));
    searched += now.reduce((sum, { list, from }) => sum + Math.min(list.page, list.length - from), 0);
    onProgress?.(searched, total);
    if (hits.flat().some(found)) break;
  }
  return { searched, total };
}

async function lookAt(connection: RedisConnection, list: List, from: number, texts: readonly string[]): Promise<Hit[]> {
  const args = [String(from), String(from + list.page - 1), String(HITS), ...texts];
  const [length, ...pairs] = (await connection.runForBytes(searchListScript, [list.name], args)) as readonly [
    number,
    ...(number | Buffer)[],
  ];
  return Array.from({ length: pairs.length / 2 }, (_none, index) => ({
    list,
    length,
    index: pairs[index * 2] as number,
    raw: pairs[index * 2 + 1] as Buffer,
  }));
}

/** The shortest first: most tasks are found after little work. Dead letters last: a task that waits again counts for more. */
async function listsToSearch(connection: RedisConnection, { layout }: RedisStore): Promise<List[]> {
  const dead = deadLettersKey(layout, '');
  const names = new Set<string>();
  for await (const page of scanned((cursor) => connection.call('scan', [cursor, 'COUNT', SCAN_COUNT, 'TYPE', 'list']))) {
    for (const name of page) if (isSearched(name, layout.prefix, dead)) names.add(name);
  }
  const lists = await Promise.all(
    [...names].map(async (name) => {
      const [length, bytes] = await Promise.all([
        connection.call('llen', [name]),
        connection.call('memory', ['USAGE', name]).catch(() => null),
      ]);
      const each = Math.max(1, Number(bytes ?? 0) / Math.max(1, Number(length)));
      const page = Math.max(1, Math.min(LONGEST_PAGE, Math.floor(PAGE_BYTES / each)));
      return { name, length: Number(length), page, deadFrom: name.startsWith(dead) ? name.slice(dead.length) : undefined };
    }),
  );
  const isDead = ({ deadFrom }: List): number => (deadFrom === undefined ? 0 : 1);
  return lists.sort((a, b) => isDead(a) - isDead(b) || a.length - b.length);
}

/** No answers, no parts of chords, and of ours only the dead letters. */
function isSearched(name: string, prefix: string, dead: string): boolean {
  if (!name.startsWith(prefix) || name.endsWith('.pidbox') || name.includes('celery-taskset-meta-')) return false;
  return name.startsWith(dead) || !name.startsWith(`${prefix}ctq:`);
}

function messageOf({ list, raw }: Hit): ReturnType<typeof readMessage> {
  return readMessage(list.deadFrom === undefined ? raw : raw.subarray(raw.indexOf(LINE_FEED) + 1));
}

function placeOf({ layout }: RedisStore, { list, index, length, raw }: Hit): TaskPlace {
  const message = readMessage(raw);
  const { queue, priority } = queueOfList(layout, list.name);
  // Taken at the right end.
  return { queue, priority, place: 'ready', position: length - 1 - index, among: length, raw, message, ...publishedAt(message) };
}

function deadLetterOf({ raw }: Hit, queue: string): QueueSearchResult['deadLetters'][number] {
  return { queue, ...readRefusedAbout(raw.subarray(0, raw.indexOf(LINE_FEED)).toString('utf8')) };
}
