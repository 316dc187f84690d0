/** A redis-server of the benchmark's own: private port, persistent only where that is measured, stopped at the end. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';
import { makeFolder, removeFolder, start, stop } from './processes.mjs';

/** @param appendfsync `everysec` or `always`: write an append-only file, and synchronise it so. */
export async function startRedis({ appendfsync } = {}) {
  const port = await freePort();
  const folder = makeFolder();
  const durability = appendfsync === undefined ? ['--appendonly', 'no'] : ['--appendonly', 'yes', '--appendfsync', appendfsync];
  const server = start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...durability, '--dir', folder]);
  const client = new Redis({ host: '127.0.0.1', port, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.ping();
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    client,
    async stop() {
      client.disconnect();
      await stop(server);
      removeFolder(folder);
    },
  };
}

/** Gives `use` a server of its own, and takes it away again. */
export async function withRedis(use, options) {
  const redis = await startRedis(options);
  try {
    return await use(redis);
  } finally {
    await redis.stop();
  }
}

async function freePort() {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

/** Resolves with `{ at, done }` as soon as `count()` is seen to have reached `target`. */
export async function whenReached(count, target, deadlineMs, isAlive = () => true) {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const done = await count();
    const now = performance.now();
    if (done >= target) return { at: now, done };
    if (!isAlive()) throw new Error(`the worker ended after ${done} of ${target}`);
    if (now > giveUpAt) throw new Error(`only ${done} of ${target} within ${deadlineMs / 1000} s`);
    await sleep(2);
  }
}
