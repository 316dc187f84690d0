/** What the ctq workers of an estate say of themselves. */
import { type ConsumerAbout, readAbout } from '../../brokers/about.js';
import { aboutKey } from '../../brokers/redis/desk-keys.js';
import type { RedisLayout } from '../../brokers/redis/keys.js';
import type { RedisConnection } from '../../connections/redis.js';

/** By owner id would be more than anybody asks for: one entry for each living consumer. */
export async function abouts(connection: RedisConnection, layout: RedisLayout, ownersKey: string): Promise<readonly ConsumerAbout[]> {
  const owners = (await connection.call('zrange', [ownersKey, '0', '-1'])) as readonly string[];
  if (owners.length === 0) return [];
  const texts = (await connection.call(
    'mget',
    owners.map((owner) => aboutKey(layout, owner)),
  )) as readonly (string | null)[];
  return texts.map((text) => (text === null ? undefined : readAbout(text))).filter((about) => about !== undefined);
}
