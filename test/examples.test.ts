/** The programs in examples/ do what they say, as they stand. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot, runCtq, startCtq, washedEnvironment } from './support/ctq-process.js';
import { eventually } from './support/eventually.js';
import { OwnedProcess } from './support/owned-process.js';
import { findFlaskPython } from './support/python-celery.js';
import { freePort, onFreePorts, startRedis } from './support/redis-server.js';
import { describeWith } from './support/requires.js';
import { tmpFolder } from './support/tmp.js';

/** The example's folder as after `npm install`. */
function exampleFolder(name: string, packages: readonly string[] = []): string {
  const folder = tmpFolder();
  cpSync(join(projectRoot, 'examples', name), folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(projectRoot, join(folder, 'node_modules', 'ctq'), 'junction');
  for (const one of packages) symlinkSync(join(projectRoot, 'node_modules', one), join(folder, 'node_modules', one), 'junction');
  return folder;
}

async function startWorker(cwd: string, argv: readonly string[]): Promise<OwnedProcess> {
  const worker = startCtq(['worker', '-l', 'info', ...argv], { cwd });
  await worker.waitForOutput(/ready\./, 40_000);
  return worker;
}

// Programs start beside many others here.
const LONG = { timeout: 180_000 };

describe('examples/session-per-task', LONG, () => {
  it.each(['async', 'threads', 'prefork', 'solo'])('has one session open while a task runs in %s', async (pool) => {
    const cwd = exampleFolder('session-per-task');
    const worker = await startWorker(cwd, ['-A', 'tasks', '-P', pool, '-c', '1']);
    for (let round = 0; round < 2; round++) {
      const { stdout, code } = await runCtq(['send', 'tasks.count_users', 'Graz', '--wait', '--timeout', '40'], { cwd });
      expect([code, stdout]).toEqual([0, 'select count(*) from users where city = ? of ["Graz"], with 1 session open\n']);
    }
    await worker.stop();
  });
});

describeWith(['redis', 'flask'], 'examples/flask', () => {
  it('answers a request of the page with what a worker in Node has found', LONG, async () => {
    const cwd = exampleFolder('flask');
    const redis = await startRedis();
    const { flask, port } = await onFreePorts(async () => {
      const free = await freePort();
      const server = new OwnedProcess(findFlaskPython() ?? '', ['-m', 'flask', '--app', 'app', 'run', '--port', String(free)], {
        cwd,
        env: { ...washedEnvironment(), CELERY_BROKER_URL: redis.url },
      });
      await server.waitForOutput(/Running on/, 40_000);
      return { flask: server, port: free };
    });
    const page = `http://127.0.0.1:${port}/`;
    expect(await (await fetch(page)).text()).toContain('<textarea name="text"');

    const send = async (text: string, locale: string): Promise<string> => {
      const reply = await fetch(page, { method: 'POST', body: new URLSearchParams({ text, locale }), redirect: 'manual' });
      expect(reply.status).toBe(303);
      return new URL(reply.headers.get('location') ?? '', page).href;
    };
    // Before there is a worker.
    const counted = await send('Die Katze sah die andere Katze <b>nicht</b>.', 'de');
    expect(await (await fetch(counted)).text()).toContain('PENDING, one moment');

    const worker = await startWorker(cwd, ['-A', 'words', '-Q', 'node', '-b', redis.url]);
    await eventually(async () => {
      const text = await (await fetch(counted)).text();
      expect(text).toContain(`9 words, counted by Node ${process.versions.node}`);
      expect(text).toMatch(/<li>die \(2\)<\/li>\s*<li>katze \(2\)<\/li>/);
    });
    const japanese = await send('吾輩は猫である', 'ja');
    await eventually(async () => expect(await (await fetch(japanese)).text()).toContain('<li>猫 (1)</li>'));
    const failing = await send('…', 'en');
    await eventually(async () => {
      const reply = await fetch(failing);
      expect([reply.status, await reply.text()]).toEqual([500, expect.stringContaining('RangeError: there is no word in this text')]);
    });
    await worker.stop();
    await flask.stop('SIGTERM');
    await redis.stop();
  });
});

describe.each(['express', 'fastify'])('examples/%s', LONG, (name) => {
  const post = (address: string, url: string): Promise<Response> =>
    fetch(`${address}/checksums`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url }) });

  it('hands a request to a worker, tells what came of it, and ends when told', async () => {
    const cwd = exampleFolder(name, [name]);
    const web = new OwnedProcess(process.execPath, ['server.js'], { cwd, env: { ...washedEnvironment(), PORT: '0' } });
    const [address = ''] = await web.waitForOutput(/http:\/\/127\.0\.0\.1:[1-9]\d*/, 40_000);
    const worker = await startWorker(cwd, ['-A', 'tasks']);
    const [good, bad] = await Promise.all([post(address, `${address}/checksums/none`), post(address, `${address}/nowhere`)]);
    if (name === 'fastify') {
      expect([good.status, await good.json()]).toEqual([200, { bytes: 19, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
      expect([bad.status, await bad.json()]).toEqual([502, { error: `Error: ${address}/nowhere answered 404` }]);
      expect((await post(address, 'nothing')).status).toBe(400);
    } else {
      expect([good.status, bad.status]).toEqual([202, 202]);
      expect((await post(address, 'nothing')).status).toBe(400);
      const outcome = async (reply: Response): Promise<unknown> =>
        (await fetch(new URL(reply.headers.get('location') ?? '', address))).json();
      await eventually(async () => expect(await outcome(good)).toMatchObject({ state: 'SUCCESS', value: { bytes: 19 } }));
      await eventually(async () =>
        expect(await outcome(bad)).toMatchObject({ state: 'FAILURE', error: expect.stringContaining('answered 404') }),
      );
    }
    expect(await web.stop(name === 'fastify' ? 'SIGTERM' : 'SIGINT')).toEqual({ code: 0, signal: null });
    await worker.stop();
  });
});
