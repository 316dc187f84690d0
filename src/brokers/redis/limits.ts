/** Limits that all workers of a Redis share: scripts by the server's clock, so that nobody's own counts. */
import type { SharedLimits } from '../../broker.js';
import type { RedisLink } from '../../connections/redis/link.js';
import { ownersKey, permitsKey, rateKey, type RedisLayout } from './keys.js';
import { permitScript, reserveScript } from './scripts.js';

export function redisLimits(layout: RedisLayout, link: RedisLink, guarded: <T>(action: () => Promise<T>) => Promise<T>): SharedLimits {
  return {
    reserve: (name, { intervalMs, count, aheadMs }) =>
      guarded(async () => {
        const wish = [intervalMs * 1000, count, aheadMs * 1000].map((value) => String(value));
        const reply = (await link.run(reserveScript, [rateKey(layout, name)], wish)) as readonly number[];
        const [next = 0, ...waits] = reply.map((us) => us / 1000);
        return { nextMs: next, waitsMs: waits };
      }),
    acquire: (name, holders, { limit, leaseMs }) =>
      guarded(async () => {
        const args = [String(limit), String(leaseMs), ...holders];
        return (await link.run(permitScript, [permitsKey(layout, name), ownersKey(layout)], args)) as readonly string[];
      }),
    release: (name, holders) =>
      guarded(async () => {
        await link.call('zrem', [permitsKey(layout, name), ...holders]);
      }),
  };
}
