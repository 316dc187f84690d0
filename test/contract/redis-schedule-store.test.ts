import { redisScopes } from '../../src/beat/schedule-stores/redis/scopes.js';
import { RedisScheduleStore } from '../../src/beat/schedule-stores/redis/store.js';
import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { describeScheduleStoreContract } from './schedule-store.js';

describeWith('redis', 'beats on a Redis of their own', () => {
  const transportOptions = { global_keyprefix: 'm[i]ne:' };
  describeScheduleStoreContract('redis', {
    async start() {
      const redis = await startRedis();
      const options = { transportOptions, connectTimeoutMs: 20_000 };
      return {
        open: async (member, scope = 'app') => new RedisScheduleStore(redis.url, options, { scope, member }),
        scopes: () => redisScopes(redis.url, options),
        broker: async () => openRedisBroker(redis.url, options),
        stop: () => redis.stop(),
      };
    },
  });
});
