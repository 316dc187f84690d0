/** A worker that takes only what is signed: everything else ends where a refused content type does, and the next good message runs. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ctq, type SettingsInput } from '../../src/index.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { makeCertStore, makeSigner, type TestSigner } from '../support/signers.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'openssl'], 'a worker that takes only signed messages', () => {
  const folder = tmpFolder();
  const redis = forSuite(startRedis);
  let worker: OwnedProcess;
  let app: Ctq;
  let settings: (signer: TestSigner) => SettingsInput;
  let stranger: TestSigner;

  beforeAll(async () => {
    const ours = makeSigner(folder, 'ours');
    stranger = makeSigner(folder, 'stranger');
    const store = makeCertStore(folder, [ours]);
    settings = ({ key, cert }) => ({
      ...{ securityKey: key, securityCertificate: cert, securityCertStore: store },
      ...{
        securityHeaders: 'require',
        taskSerializer: 'auth',
        eventSerializer: 'auth',
        acceptContent: ['auth'],
        resultAcceptContent: ['json'],
        securityMaxAge: 600,
        workerDeduplicateSuccessfulTasks: true,
      },
    });
    const file = tmpFolder({ 'ctq.config.json': JSON.stringify(settings(ours)) });
    worker = await startCtqWorker({ broker: redis().url, args: ['--config', join(file, 'ctq.config.json')] });
    app = new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url, ...settings(ours) });
  });

  afterAll(async () => {
    await app?.close();
    await worker?.stop('SIGTERM');
  });

  const send = async (more: SettingsInput, args: unknown[] = [6, 7]): Promise<void> => {
    const other = new Ctq('other', { brokerUrl: redis().url, resultBackend: redis().url, ...more });
    await other.sendTask('tasks.mul', args);
    await other.close();
  };

  it('runs them', async () => {
    app.setupSecurity();
    expect(await app.sendTask('tasks.add', [1, 2]).get({ timeout: 30 })).toBe(3);
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ['an unsigned one', () => send({}), /Refusing to deserialize untrusted content of type json/],
    ['one that a stranger signed', () => send(settings(stranger)), /Refusing a signed message: no certificate of 'Example stranger/],
    [
      'raw bytes',
      () => alter(() => Buffer.from('not signed').toString('base64')),
      /the signature of the headers of|the body is not a signed message/,
    ],
    [
      'one that runs as another task than was signed',
      () => alter((body) => body, { task: 'tasks.fail' }),
      /the signature of the headers of/,
    ],
    [
      'one with other arguments than were signed',
      () =>
        alter((body) => {
          const bytes = Buffer.from(Buffer.from(body, 'base64').toString(), 'base64');
          bytes[bytes.lastIndexOf('[[') + 2] = 0x39;
          return Buffer.from(bytes.toString('base64')).toString('base64');
        }),
      /Refusing a signed message: the signature of the headers of 'Example ours/,
    ],
  ])('refuses %s, keeps it among the dead letters, and runs the next good one', async (_what, sendBad, words) => {
    const before = Number(await redis().command('LLEN', 'ctq:dead:celery'));
    await sendBad();
    await worker.waitForOutput(words);
    await eventually(async () => expect(await redis().command('LLEN', 'ctq:dead:celery')).toBe(before + 1));
    expect(await app.sendTask('tasks.add', [20, 22]).get({ timeout: 30 })).toBe(42);
  });

  it('does not run again what has succeeded, when somebody who saw the message sends it once more', async () => {
    const sent = await app.sendTask('tasks.mul', [8, 8], { queue: 'elsewhere' });
    const envelope = String(await redis().command('RPOP', 'elsewhere'));
    await redis().command('LPUSH', 'celery', envelope);
    expect(await sent.get({ timeout: 30 })).toBe(64);
    await redis().command('LPUSH', 'celery', envelope.replaceAll(/("delivery_tag": ?)"[^"]*"/g, '$1"a-tag-of-its-own"'));
    await worker.waitForOutput(new RegExp(`${sent.id}\\] Task already completed successfully`));
    expect(worker.stderr.split(`${sent.id}] succeeded`)).toHaveLength(2);
  });

  it('obeys signed requests only', async () => {
    const stranded = new Ctq('other', { brokerUrl: redis().url });
    await stranded.control.shutdown();
    await worker.waitForOutput(/Cannot decode message: .*untrusted content of type json/);
    expect(Object.keys(await app.control.ping({ timeout: 20 }))).toHaveLength(1);
    await stranded.close();
  });

  it('tells what happens in events that are signed, too', async () => {
    const heard: string[] = [];
    const stream = await app.events.receive((event) => heard.push(event.type), { routingKey: 'worker.#' });
    await eventually(() => expect(heard).toContain('worker-heartbeat'));
    await stream.close();
  });

  /** Sends a good message whose body was changed on the way. */
  async function alter(change: (body: string) => string, headers: object = {}): Promise<void> {
    // Where no worker takes it away.
    await app.sendTask('tasks.mul', [6, 7], { queue: 'elsewhere' });
    const envelope = JSON.parse(String(await redis().command('RPOP', 'elsewhere'))) as { body: string; headers: object };
    const altered = { ...envelope, headers: { ...envelope.headers, ...headers }, body: change(envelope.body) };
    await redis().command('LPUSH', 'celery', JSON.stringify(altered));
  }
});
