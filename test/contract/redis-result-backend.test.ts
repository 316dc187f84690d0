import { expect, it } from 'vitest';
import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { describeResultBackendContract } from './result-backend.js';

describeWith('redis', 'on a server of its own', () => {
  // One server for all cases, two databases of it for each.
  const server = forSuite(() => startRedis({ args: ['--databases', '400'] }));
  let cases = 0;

  it('lets a thousand waiters share one connection', async () => {
    const redis = await startRedis();
    const backend = openRedisResultBackend(redis.url, { transportOptions: {}, connectTimeoutMs: 20_000, resultExpires: null });
    try {
      const waits = Array.from({ length: 1_000 }, (_, at) => backend.wait(`t-${at}`, {}));
      await backend.store({ taskId: 't-999', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
      await waits[999];
      // The server may still be about to notice who left before.
      await eventually(async () => {
        const clients = String(await redis.command('CLIENT', 'LIST'))
          .trimEnd()
          .split('\n');
        // One for commands, one that listens, and the one that asks.
        expect(clients).toHaveLength(3);
        expect(clients.filter((client) => / sub=(?!0 )\d+/.test(client))).toHaveLength(1);
      });
      for (const wait of waits) wait.catch(() => {});
    } finally {
      await backend.close();
      await redis.stop();
    }
  });

  for (const [name, other, settlesJointly] of [
    ['redis, the broker’s own database', 0, true],
    ['redis, another database than the broker’s', 1, false],
  ] as const) {
    describeResultBackendContract(name, {
      settlesJointly,
      async start() {
        cases += 1;
        const first = cases * 2;
        const options = { transportOptions: {}, connectTimeoutMs: 20_000 };
        return {
          open: async ({ resultExpires }) => openRedisResultBackend(server().urlOf(first + other), { ...options, resultExpires }),
          openBroker: async () => openRedisBroker(server().urlOf(first), options),
          stop: async () => {},
        };
      },
    });
  }
});
