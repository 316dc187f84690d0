import { describe, expect } from 'vitest';
import { openRedisBroker } from '../../src/brokers/redis/broker.js';
import { findOnPath } from '../support/find-on-path.js';
import { forSuite } from '../support/for-suite.js';
import { type RedisOptions, startRedis } from '../support/redis-server.js';
import { describeWith, testUnless } from '../support/requires.js';
import type { Reply } from '../support/resp.js';
import { describeBrokerContract } from './broker.js';

const NO_VALKEY = findOnPath('valkey-server') === undefined ? 'no valkey-server on PATH; Debian 12 has no package of it' : undefined;

describeWith('redis', 'on a server of its own', () => describeRedis('redis', {}));
describe('on a Valkey of its own', () => {
  if (NO_VALKEY === undefined) describeRedis('valkey', { program: 'valkey-server' });
  testUnless(NO_VALKEY, 'it is Valkey that answers', async () => {
    const valkey = await startRedis({ program: 'valkey-server' });
    expect(await valkey.command('INFO', 'server')).toContain('valkey_version:');
    await valkey.stop();
  });
});

function describeRedis(name: string, options: RedisOptions): void {
  // One server for all cases, a database of it for each.
  const server = forSuite(() => startRedis({ ...options, args: ['--databases', '200'] }));
  let database = -1;

  describeBrokerContract(
    name,
    {
      priorityOrder: 'lowest-first',
      prioritySteps: [0, 3, 6, 9],
      redeliveryCount: 'exact',
      async start() {
        database += 1;
        const here = database;
        const command = async (...words: readonly (string | number | Uint8Array)[]): Promise<Reply> =>
          (await server().commands([['SELECT', here], words]))[1] ?? null;
        return {
          open: async () => openRedisBroker(server().urlOf(here), { transportOptions: {}, connectTimeoutMs: 20_000 }),
          putRaw: async (queue, raw) => void (await command('LPUSH', queue, raw)),
          deadLetters: async (queue) => {
            const letters = (await command('LRANGE', `ctq:dead:${queue}`, 0, -1)) as string[];
            return letters.reverse().map((letter) => {
              const [about = '', raw = ''] = letter.split(/\n(.*)/s);
              return { reason: (JSON.parse(about) as { reason: string }).reason, id: /"id": ?"([^"]*)"/.exec(raw)?.[1] };
            });
          },
          stop: async () => {},
        };
      },
    },
    {
      'every queue bound to a fanout exchange gets its copy':
        'kombu’s fanout on Redis is pub/sub: it reaches listeners and keeps nothing (WIRE 6.6)',
      'a topic exchange matches * with one word and # with any number':
        'both ends must agree, and kombu’s * takes several words on Redis; bindings.test.ts holds us to its rule',
    },
  );
}
