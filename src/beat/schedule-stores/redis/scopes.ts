/** Whose schedules a Redis keeps: each app's entries are one key. */
import type { BrokerOptions } from '../../../broker.js';
import { redisLayout } from '../../../brokers/redis/keys.js';
import { systemClock } from '../../../clock.js';
import { brokerErrorOf } from '../../../connections/failure.js';
import { toRedisFailure } from '../../../connections/redis/failure.js';
import { RedisLink } from '../../../connections/redis/link.js';
import { parseRedisUrl } from '../../../connections/redis/url.js';

const SCAN_COUNT = '2000';

/** A page of keys at a time, so that a large server waits for nobody. */
export async function redisScopes(url: string, broker: BrokerOptions): Promise<readonly string[]> {
  const addresses = parseRedisUrl(url, broker);
  const head = `${redisLayout(broker.transportOptions, addresses[0]?.db ?? 0).prefix}ctq:beat:`;
  const tail = ':entries';
  const pattern = `${head.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*${tail}`;
  const link = new RedisLink({ addresses, name: 'ctq beat', clock: systemClock, connectTimeoutMs: broker.connectTimeoutMs });
  const scopes = new Set<string>();
  try {
    for (let cursor = ''; cursor !== '0'; ) {
      const page = await link.call('scan', [cursor || '0', 'MATCH', pattern, 'COUNT', SCAN_COUNT]);
      const [next, keys] = page as [string, readonly string[]];
      for (const key of keys) scopes.add(key.slice(head.length, -tail.length));
      cursor = next;
    }
  } catch (error) {
    throw brokerErrorOf(toRedisFailure(error), link.displayUrl);
  } finally {
    await link.close();
  }
  return [...scopes].sort();
}
