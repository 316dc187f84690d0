import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { describeResultBackendContract } from './result-backend.js';

describeWith('redis', 'on a server of its own', () => {
  for (const [name, database, settlesJointly] of [
    ['redis, the broker’s own database', 0, true],
    ['redis, another database than the broker’s', 1, false],
  ] as const) {
    describeResultBackendContract(name, {
      settlesJointly,
      async start() {
        const redis = await startRedis();
        const options = { transportOptions: {}, connectTimeoutMs: 5_000 };
        return {
          open: async ({ resultExpires }) => openRedisResultBackend(redis.urlOf(database), { ...options, resultExpires }),
          openBroker: async () => openRedisBroker(redis.url, options),
          stop: () => redis.stop(),
        };
      },
    });
  }
});
