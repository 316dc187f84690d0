/** Deliveries that wait for their time: `<tag> NUL <list>` → due time in seconds. */
import { dueKey, duePrefix, parkedKey, type RedisLayout } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';

const PAGE = 1_000;
/** Pages asked for at once: a million parked messages must not be an answer of fifty megabytes. */
const AT_ONCE = 8;

export interface Parked {
  readonly member: string;
  readonly tag: string;
  readonly list: string;
  readonly dueAtMs: number;
}

/** All of them in pages: those that wait for their time by due time, and before them those that are due and wait for room in their list. */
export async function* parkedPages(connection: RedisConnection, layout: RedisLayout): AsyncGenerator<readonly Parked[]> {
  const lists = (await connection.call('hkeys', [dueKey(layout)])) as readonly string[];
  for (const list of lists) yield* pagesOf(connection, duePrefix(layout) + list);
  yield* pagesOf(connection, parkedKey(layout));
}

async function* pagesOf(connection: RedisConnection, key: string): AsyncGenerator<readonly Parked[]> {
  for (let start = 0; ; start += PAGE * AT_ONCE) {
    const pages = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) => {
        const from = start + index * PAGE;
        return connection.call('zrange', [key, String(from), String(from + PAGE - 1), 'WITHSCORES']) as Promise<readonly string[]>;
      }),
    );
    for (const flat of pages) if (flat.length > 0) yield readPage(flat);
    if ((pages.at(-1)?.length ?? 0) < PAGE * 2) return;
  }
}

/** How many are parked for each list. */
export async function parkedLists(connection: RedisConnection, layout: RedisLayout): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const page of parkedPages(connection, layout)) for (const { list } of page) counts.set(list, (counts.get(list) ?? 0) + 1);
  return counts;
}

function readPage(flat: readonly string[]): Parked[] {
  const page: Parked[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const member = flat[index] as string;
    const at = member.indexOf('\0');
    if (at > 0) page.push({ member, tag: member.slice(0, at), list: member.slice(at + 1), dueAtMs: Number(flat[index + 1]) * 1000 });
  }
  return page;
}
