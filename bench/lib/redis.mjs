/** A redis-server of the benchmark's own: private port, no persistence, stopped at the end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Redis from 'ioredis';

export async function startRedis() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'ctq-bench-'));
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    {
      stdio: 'ignore',
    },
  );
  const client = new Redis({ host: '127.0.0.1', port, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.ping();
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    client,
    async stop() {
      client.disconnect();
      server.kill('SIGKILL');
      await once(server, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
export async function whenReached(count, target, deadlineMs) {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const done = await count();
    const now = performance.now();
    if (done >= target) return { at: now, done };
    if (now > giveUpAt) throw new Error(`only ${done} of ${target} within ${deadlineMs / 1000} s`);
    await sleep(2);
  }
}
