/** The scripts that look at messages, take them out, put them back and take them in. */
import { type RedisScript, redisScript } from '../../connections/redis/script.js';
import arrive from './scripts/arrive.lua';
import asideQueues from './scripts/aside-queues.lua';
import dropAside from './scripts/drop-aside.lua';
import endArrivals from './scripts/end-arrivals.lua';
import nextPage from './scripts/next-page.lua';
import putBack from './scripts/put-back.lua';
import setAsideParked from './scripts/set-aside-parked.lua';
import setAside from './scripts/set-aside.lua';
import unackedTails from './scripts/unacked-tails.lua';

export const setAsideScript: RedisScript = redisScript(setAside);
export const setAsideParkedScript: RedisScript = redisScript(setAsideParked);
export const nextPageScript: RedisScript = redisScript(nextPage);
export const putBackScript: RedisScript = redisScript(putBack);
export const unackedTailsScript: RedisScript = redisScript(unackedTails);
export const arriveScript: RedisScript = redisScript(arrive);
export const dropAsideScript: RedisScript = redisScript(dropAside);
export const asideQueuesScript: RedisScript = redisScript(asideQueues);
export const endArrivalsScript: RedisScript = redisScript(endArrivals);
