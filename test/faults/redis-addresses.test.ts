/** Every way to reach a Redis server: TLS, a Unix socket, sentinels, and a second URL when the first is dead. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { expect, test } from 'vitest';
import type { ConsumerHandler } from '../../src/broker.js';
import { openRedisBroker, type RedisBroker } from '../../src/brokers/redis/broker.js';
import { silentLogger } from '../../src/logger.js';
import { openRedisResultBackend } from '../../src/result-backends/redis.js';
import { taskMessage, toQueue } from '../contract/messages.js';
import { remaining, send } from '../contract/broker/verbs.js';
import { certificates } from '../support/certificates.js';
import { eventually } from '../support/eventually.js';
import { OwnedProcess } from '../support/owned-process.js';
import { findRedisServer, freePort, onFreePorts, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

function open(url: string, transportOptions: Readonly<Record<string, unknown>> = {}): RedisBroker {
  return openRedisBroker(url, { transportOptions, connectTimeoutMs: 30_000 });
}

async function works(broker: RedisBroker): Promise<void> {
  await send(broker, 'q', ['a', 'b']);
  expect(await remaining(broker, 'q')).toEqual(['a', 'b']);
  await broker.close();
}

describeWith('redis', 'a Redis server', () => {
  test('over a Unix socket', async () => {
    const socket = join(tmpFolder(), 'redis.sock');
    const redis = await startRedis({ args: ['--unixsocket', socket] });
    const broker = open(`redis+socket://${socket}?virtual_host=3`);
    await send(broker, 'q', ['a']);
    expect(
      await redis.commands([
        ['SELECT', 3],
        ['LLEN', 'q'],
      ]),
    ).toEqual(['OK', 1]);
    expect(await remaining(broker, 'q')).toEqual(['a']);
    await broker.close();
  });

  test('with a password, in another database', async () => {
    const redis = await startRedis({ password: 'p@ss/w:rd' });
    await works(open(redis.urlOf(5)));
  });

  test('that is the second one named, when the first is dead', async () => {
    const redis = await startRedis();
    await works(open(`redis://127.0.0.1:1/0;${redis.url}`));
  });

  test('that is a node of a cluster, when a prefix in braces keeps all keys together', async () => {
    const redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
    await eventually(async () => expect(await redis.command('CLUSTER', 'INFO')).toContain('cluster_state:ok'));
    await works(open(redis.url, { global_keyprefix: '{app1}:' }));
    const broker = open(redis.url);
    await expect(broker.publish(taskMessage('a'), toQueue('q'))).rejects.toThrow(
      /failed: the server is part of a cluster, and keeps these keys in different places/,
    );
    await broker.close();
  });

  test('found by sentinels, and found again when another one is the master', { timeout: 150_000 }, async () => {
    const [first, second] = [await startRedis(), await startRedis()];
    await second.command('REPLICAOF', '127.0.0.1', first.port);
    const { sentinel, port } = await onFreePorts(async () => {
      const port = await freePort();
      const config = join(tmpFolder(), 'sentinel.conf');
      writeFileSync(
        config,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `sentinel monitor mymaster 127.0.0.1 ${first.port} 1`,
          'sentinel down-after-milliseconds mymaster 500',
          'sentinel failover-timeout mymaster 3000',
        ].join('\n'),
      );
      const sentinel = new OwnedProcess(findRedisServer() as string, [config, '--sentinel']);
      await sentinel.waitForOutput(/\+monitor master/);
      return { sentinel, port };
    });
    await sentinel.waitForOutput(/\+slave slave/, 45_000);
    const broker = openRedisBroker(`sentinel://127.0.0.1:${port}/0`, {
      transportOptions: { master_name: 'mymaster' },
      connectTimeoutMs: Number.POSITIVE_INFINITY,
    });
    await send(broker, 'q', ['a']);
    await eventually(async () => expect(await second.command('LLEN', 'q')).toBe(1));
    await first.kill();
    await send(broker, 'q', ['b']);
    expect(await second.command('LLEN', 'q')).toBe(2);
    expect(await remaining(broker, 'q')).toEqual(['a', 'b']);
    await broker.close();
    await sentinel.kill();
  });
});

const files = certificates();

describeWith(['redis', 'openssl'], 'a Redis server with TLS', () => {
  const { ca, cert, key } = files ?? { ca: '', cert: '', key: '' };
  const start = (): Promise<number> =>
    onFreePorts(async () => {
      const port = await freePort();
      await startRedis({
        args: [
          ...['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca],
          ...['--tls-auth-clients', 'no'],
        ],
      });
      return port;
    });

  test('is trusted when its certificate is', async () => {
    const port = await start();
    await works(open(`rediss://localhost:${port}/0?ssl_ca_certs=${ca}`));
    await works(open(`rediss://localhost:${port}/0?ssl_cert_reqs=none`));
  });

  test('is refused when its certificate is not, in one clear line', async () => {
    const port = await start();
    const broker = open(`rediss://localhost:${port}/0`);
    await expect(broker.depth('q')).rejects.toThrow(
      /the broker at rediss:\/\/localhost:\d+\/0 refused us: TLS: .*(certificate|self.signed)/,
    );
    await broker.close();
    // The certificate is for localhost.
    const byAddress = open(`rediss://127.0.0.1:${port}/0?ssl_ca_certs=${ca}`);
    await expect(byAddress.depth('q')).rejects.toThrow(/Hostname\/IP does not match/);
    await byAddress.close();
    await works(open(`rediss://127.0.0.1:${port}/0?ssl_ca_certs=${ca}&ssl_check_hostname=false`));
  });

  test('says which certificate file cannot be read', async () => {
    const broker = open('rediss://localhost:1/0?ssl_ca_certs=/nonexistent/ca.pem');
    await expect(broker.depth('q')).rejects.toThrow(/cannot read ssl_ca_certs \/nonexistent\/ca.pem: ENOENT/);
    await broker.close();
  });

  test('is mistrusted aloud by each worker that checks no certificate', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warning: (text: string, ...args: unknown[]) => void warnings.push(format(text, ...args)) };
    const handler: ConsumerHandler = { deliver() {}, malformed() {}, connected() {}, disconnected() {}, fenced() {} };
    for (const [url, count] of [
      ['rediss://:pw@localhost:1/0?ssl_cert_reqs=CERT_NONE', 1],
      ['rediss://:pw@localhost:1/0', 0],
    ] as const) {
      warnings.length = 0;
      const broker = openRedisBroker(url, { connectTimeoutMs: 100, logger, transportOptions: {} });
      const consumer = await broker.consume({ queues: [], prefetch: 0, name: 'w@h', handler });
      expect(warnings.filter((line) => line.includes('Nobody checks the certificate of rediss://:**@localhost:1/0'))).toHaveLength(count);
      await consumer.close();
      await broker.close();
      warnings.length = 0;
      const results = openRedisResultBackend(url, { connectTimeoutMs: 100, logger, transportOptions: {}, resultExpires: 1 });
      expect(warnings.filter((line) => line.includes('Nobody checks the certificate of'))).toHaveLength(count);
      await results.close();
    }
  });
});

describeWith('redis', 'a Redis server without TLS', () => {
  test('is told from one that does not answer, with nothing said to it but PING', async () => {
    const redis = await startRedis();
    const broker = openRedisBroker(`rediss://:secret@127.0.0.1:${redis.port}`, { connectTimeoutMs: 60_000, transportOptions: {} });
    const started = performance.now();
    await expect(broker.depth('q')).rejects.toMatchObject({
      code: 'CTQ_BROKER_REFUSED',
      message: `the broker at rediss://:**@127.0.0.1:${redis.port} refused us: the server answers, but speaks no TLS`,
      hint: 'write the URL as redis://, or turn TLS on there',
    });
    // Not when the time for connecting is over.
    expect(performance.now() - started).toBeLessThan(30_000);
    await broker.close();
    await redis.stop();
  });

  test('that has no password says so to who gives one', async () => {
    const redis = await startRedis();
    const broker = openRedisBroker(`redis://:secret@127.0.0.1:${redis.port}`, { connectTimeoutMs: 30_000, transportOptions: {} });
    await expect(broker.depth('q')).rejects.toMatchObject({
      code: 'CTQ_BROKER_REFUSED',
      message: expect.stringContaining('the server has no password') as string,
    });
    await broker.close();
    await redis.stop();
  });
});
