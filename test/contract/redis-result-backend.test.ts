import { expect, it } from 'vitest';
import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { describeResultBackendContract } from './result-backend.js';

describeWith('redis', 'on a server of its own', () => {
  it('lets a thousand waiters share one connection', async () => {
    const redis = await startRedis();
    const backend = openRedisResultBackend(redis.url, { transportOptions: {}, connectTimeoutMs: 5_000, resultExpires: null });
    try {
      const waits = Array.from({ length: 1_000 }, (_, at) => backend.wait(`t-${at}`, {}));
      await backend.store({ taskId: 't-999', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
      await waits[999];
      const clients = String(await redis.command('CLIENT', 'LIST'))
        .trimEnd()
        .split('\n');
      // One for commands, one that listens, and the one that asks.
      expect(clients).toHaveLength(3);
      expect(clients.filter((client) => / sub=(?!0 )\d+/.test(client))).toHaveLength(1);
      for (const wait of waits) wait.catch(() => {});
    } finally {
      await backend.close();
      await redis.stop();
    }
  });

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
