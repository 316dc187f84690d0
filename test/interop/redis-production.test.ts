/**
 * Redis as it stands in production, shared with a real Celery: TLS with an authority of one's own, a user who may touch
 * only the keys of one prefix, and results on another server, behind a Unix socket.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Ctq } from '../../src/index.js';
import { certificates } from '../support/certificates.js';
import { runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const PREFIX = 'app1:';

describeWith(['redis', 'python', 'openssl'], 'Redis in production, shared with Celery', () => {
  test('both sides work over TLS as one user below one prefix, with results on another server', { timeout: 120_000 }, async () => {
    const files = certificates();
    if (files === undefined) throw new Error('openssl could not make certificates');
    const folder = tmpFolder();
    const [port, socket] = [await freePort(), join(folder, 'results.sock')];
    const tls = ['--tls-port', String(port), '--tls-cert-file', files.cert, '--tls-key-file', files.key, '--tls-ca-cert-file', files.ca];
    // Who has no certificate of the same authority is not let in.
    const messages = await startRedis({ args: [...tls, '--tls-auth-clients', 'yes'] });
    const results = await startRedis({ args: ['--unixsocket', socket] });
    // As docs/redis.md has it: a pattern that somebody subscribes to must be there word for word.
    const patterns = ['celery.pidbox', 'celeryev/*', 'celeryev/worker.*'].map((name) => `&${PREFIX}/0.${name}`);
    const allowed = [`~${PREFIX}*`, `&${PREFIX}*`, ...patterns, '&__redis__:invalidate', '+@all', '-@dangerous', '+info', '+client'];
    await messages.command('ACL', 'SETUSER', 'worker', 'on', '>p@ss', ...allowed);
    const query = `ssl_cert_reqs=required&ssl_ca_certs=${files.ca}&ssl_certfile=${files.cert}&ssl_keyfile=${files.key}`;
    const broker = `rediss://worker:p%40ss@localhost:${port}/0?${query}`;
    const backend = `redis+socket://${socket}?virtual_host=2`;
    const broker_transport_options = { global_keyprefix: PREFIX };
    const config = join(folder, 'settings.json');
    writeFileSync(config, JSON.stringify({ broker_url: broker, result_backend: backend, broker_transport_options }));

    const python = { broker, backend, conf: { broker_transport_options } };
    const [celery, ctq] = await Promise.all([
      startCeleryWorker({ ...python, queues: ['theirs'] }),
      startCtqWorker({ broker, backend, queues: ['ours'], args: ['--config', config] }),
    ]);
    const app = new Ctq('client', { brokerUrl: broker, resultBackend: backend, brokerTransportOptions: broker_transport_options });
    try {
      expect(await app.sendTask('tasks.add', [1, 2], { queue: 'theirs' }).get({ timeout: 30 })).toBe(3);
      expect(await runPython("result = app.send_task('tasks.add', (3, 4), queue='ours').get(timeout=30)", python)).toBe(7);
      // Remote control, too: both answer, over channels below the prefix.
      const status = await runCtq(['status', '--config', config, '-t', '20']);
      expect(status.stdout).toContain(ctq.output.match(/ctq\d+x\d+@test/)?.[0]);
      expect(status.stdout).toContain(celery.hostname);
      const keys = (await messages.command('KEYS', '*')) as string[];
      expect(keys.filter((key) => !key.startsWith(PREFIX))).toEqual([]);
      const [, held] = await results.commands([
        ['SELECT', 2],
        ['KEYS', 'celery-task-meta-*'],
      ]);
      expect(held).toHaveLength(2);
      // The same address without its certificate, and without its prefix.
      const bare = await runCtq(['send', 'tasks.add', '-b', broker.replace(/&ssl_certfile.*/, ''), '--connect-timeout', '2']);
      expect([bare.code, bare.stderr]).toEqual([69, expect.stringMatching(/^ctq: cannot reach the broker at rediss:\/\/worker:\*\*@/)]);
      const outside = await runCtq(['send', 'tasks.add', '-b', broker]);
      expect([outside.code, outside.stderr]).toEqual([69, expect.stringContaining('the Redis user lacks a permission')]);
    } finally {
      await Promise.all([app.close(), ctq.kill(), celery.kill()]);
      await Promise.all([messages.stop(), results.stop()]);
    }
  });
});
