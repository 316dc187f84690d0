/** Celery's `auth` serializer with the real Celery at the other end: tasks, remote control, and the ids that certificates have. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ctq, type SettingsInput } from '../../src/index.js';
import { parseCertificate } from '../../src/security/certificate.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { runCtq } from '../support/ctq-process.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { makeCertStore, makeSigner, type TestSigner } from '../support/signers.js';
import { tmpFolder } from '../support/tmp.js';

/** What `tasks.py` and a snippet need to sign as Celery's user guide says. */
const SETUP = 'from celery.security import setup_security; setup_security(app=app)';

describeWith(['redis', 'cryptography', 'openssl'], 'signed messages between Python and ctq', () => {
  const folder = tmpFolder();
  const redis = forSuite(startRedis);
  let [python, node]: TestSigner[] = [];
  let store = '';
  let worker: OwnedProcess;
  let celery: CeleryWorker;

  const conf = (signer: TestSigner | undefined): Record<string, unknown> => ({
    security_key: signer?.key,
    security_certificate: signer?.cert,
    security_cert_store: join(store, '*.pem'),
    task_serializer: 'auth',
    accept_content: ['auth'],
    result_accept_content: ['json'],
  });
  /** Debian's Celery reads what was written before 5.5 only. */
  const ourConf = (): SettingsInput => ({ ...conf(node), security_layout: '5.2', security_headers: 'sign' });

  beforeAll(async () => {
    python = makeSigner(folder, 'python', { subject: '/C=DE/O=Bücher, Töne + "Söhne"/CN=python' });
    node = makeSigner(folder, 'node', { bits: 3072 });
    store = makeCertStore(folder, [python, node]);
    const config = tmpFolder({ 'ctq.config.json': JSON.stringify(ourConf()) });
    worker = await startCtqWorker({ broker: redis().url, queues: ['ctq'], args: ['--config', join(config, 'ctq.config.json')] });
    const cwd = tmpFolder({ 'signed.py': `from tasks import app\n${SETUP}\n` });
    celery = await startCeleryWorker({
      ...{ broker: redis().url, backend: redis().url, conf: { ...conf(python), imports: ['signed'] }, queues: ['py'] },
      env: { PYTHONPATH: `${cwd}:${join(import.meta.dirname, '..', 'support', 'python')}` },
    });
  });

  afterAll(async () => {
    await Promise.all([worker?.stop('SIGTERM'), celery?.stop()]);
  });

  it('run at ctq when Celery has signed them, chains and callbacks of theirs included', async () => {
    const result = await runPython(
      `
        ${SETUP}
        one = add.apply_async((3, 4), queue="ctq").get(timeout=20)
        two = (add.s(1, 2).set(queue="ctq") | add.s(10).set(queue="py") | mul.s(2).set(queue="ctq")).apply_async().get(timeout=20)
        result = [one, two]
      `,
      { broker: redis().url, backend: redis().url, conf: conf(python) },
    );
    expect(result).toEqual([7, 26]);
  });

  it('run at Celery when ctq has signed them', async () => {
    const app = new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url, ...ourConf() });
    app.setupSecurity();
    try {
      expect(await app.sendTask('tasks.add', [20, 22], { queue: 'py' }).get({ timeout: 20 })).toBe(42);
    } finally {
      await app.close();
    }
  });

  it('carry remote control both ways', async () => {
    const names = await runPython(`${SETUP}\nresult = sorted(list(r)[0] for r in app.control.ping(timeout=20, limit=2))`, {
      ...{ broker: redis().url, backend: redis().url, conf: conf(python) },
    });
    expect(names).toHaveLength(2);
    const config = tmpFolder({ '.ctqrc.json': JSON.stringify(ourConf()) });
    const status = await runCtq(['status', '-b', redis().url, '--timeout', '20'], { cwd: config });
    expect([status.code, status.stderr]).toEqual([0, '']);
    expect(status.stdout).toContain(celery.hostname);
    const unsigned = await runCtq(['status', '-b', redis().url, '--timeout', '1'], { cwd: tmpFolder() });
    expect(unsigned.code).toBe(69);
  });

  it('name their signers as Python does, whatever the certificate is called', async () => {
    const odd = [
      makeSigner(folder, 'serial', { serial: '0x00f0aabbccddeeff0011223344556677', subject: '/CN=a\\/b, c=d;e<f>#g' }),
      makeSigner(folder, 'long', { subject: `/C=DE/ST=x/L= y /O=${'o'.repeat(60)}/OU=+,"\\\\/emailAddress=a@example.com` }),
      ...[python, node].flatMap((signer) => (signer === undefined ? [] : [signer])),
    ];
    const files = odd.map(({ cert }) => cert);
    const ids = await runPython(
      `
        from celery.security.certificate import Certificate
        result = [Certificate(open(f).read()).get_id() for f in ${JSON.stringify(files)}]
      `,
      { broker: redis().url },
    );
    expect(files.map((file) => parseCertificate(readFileSync(file, 'utf8')).id)).toEqual(ids);
  });
});
