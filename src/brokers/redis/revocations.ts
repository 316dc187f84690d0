/** Revoked ids in a sorted set, by when they may be forgotten. */
import type { Revocations } from '../../broker.js';
import type { RedisLink } from '../../connections/redis/link.js';
import { type RedisLayout, revokedKey } from './keys.js';

/** As many as a Celery worker remembers. */
const MOST = 50_000;
const AT_ONCE = 1_000;

export function redisRevocations(layout: RedisLayout, link: RedisLink, guarded: <T>(action: () => Promise<T>) => Promise<T>): Revocations {
  const key = revokedKey(layout);
  return {
    add: (ids, keepMs) =>
      guarded(async () => {
        const nowMs = Date.now();
        for (let from = 0; from < ids.length; from += AT_ONCE) {
          const scored = ids.slice(from, from + AT_ONCE).flatMap((id) => [String(nowMs + keepMs), id]);
          await link.call('zadd', [key, ...scored]);
        }
        if (ids.length === 0) return;
        await link.call('zremrangebyscore', [key, '-inf', String(nowMs)]);
        await link.call('zremrangebyrank', [key, '0', String(-MOST - 1)]);
        await link.call('pexpire', [key, String(keepMs)]);
      }),
    all: () => guarded(async () => (await link.call('zrangebyscore', [key, `(${Date.now()}`, '+inf'])) as readonly string[]),
  };
}
