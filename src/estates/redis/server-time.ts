import { systemClock } from '../../clock.js';
import { toRedisFailure } from '../../connections/redis/failure.js';
import type { RedisConnection } from '../../connections/redis.js';

/** Seconds since 1970 by the server's clock; by ours where it does not tell: TIME is not among what users that may only read are given. */
export async function serverSeconds(connection: RedisConnection): Promise<number> {
  try {
    const [seconds] = (await connection.call('time', [])) as readonly string[];
    return Number(seconds);
  } catch (error) {
    if (toRedisFailure(error).kind !== 'refused') throw error;
    return Math.floor(systemClock.nowMs() / 1000);
  }
}
