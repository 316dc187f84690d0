/** `ctq worker --health` and `ctq status --probe`, as a container runtime uses them. */
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const tasks = {
  'tasks.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
import { existsSync } from 'node:fs';
export const burn = app.task('tasks.burn', (until: string): void => {
  const endMs = Date.now() + 60_000;
  while (!existsSync(until) && Date.now() < endMs);
});
`,
};

interface Said {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & { readonly problems?: readonly { readonly code: string }[] };
}

async function ask(port: number, path: string, init: RequestInit = {}): Promise<Said> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, signal: AbortSignal.timeout(15_000) });
  return { status: response.status, body: (await response.json()) as Said['body'] };
}

async function startWorker(cwd: string, health: string, more: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info', '-n', 'w1@test', '--health', health, ...more], { cwd, env });
  await worker.waitForOutput(/ ready\./, 30_000);
  return worker;
}

/** With patience: it is over as soon as there is an answer. */
const probe = (cwd: string, ...argv: string[]) => runCtq(['status', '--probe', '-t', '20', ...argv], { cwd });

describe('ctq worker --health <port>', () => {
  it('says that it lives and is ready, to questions only, and says no more when it has stopped', async () => {
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const worker = await startWorker(cwd, String(port));
    await eventually(async () =>
      expect(await ask(port, '/live')).toMatchObject({ status: 200, body: { node: 'w1@test', live: true, ready: true, problems: [] } }),
    );
    await eventually(async () => expect((await ask(port, '/ready')).status).toBe(200));
    expect((await ask(port, '/')).status).toBe(404);
    expect((await ask(port, '/__proto__')).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE']) expect((await ask(port, '/live', { method })).status).toBe(405);
    expect(await probe(cwd, '--health', String(port))).toMatchObject({ code: 0, stdout: 'ok w1@test\n', stderr: '' });
    expect(await probe(cwd, '--health', String(port), '-d', 'w2@test')).toMatchObject({ code: 69, stderr: /it is w1@test that answers/ });
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await probe(cwd, '--health', String(port))).toMatchObject({ code: 69, stderr: expect.stringContaining('nobody listens there') });
  });

  it('answers while a task keeps the event loop, and says so until the loop turns again', async () => {
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const worker = await startWorker(cwd, String(port), ['--health-patience', '2']);
    const sent = await runCtq(['send', 'tasks.burn', join(cwd, 'enough')], { cwd });
    expect(sent.code).toBe(0);
    await eventually(async () => {
      const { status, body } = await ask(port, '/live');
      expect([status, body.problems?.map(({ code }) => code)]).toEqual([503, expect.arrayContaining(['loop-blocked'])]);
    });
    writeFileSync(join(cwd, 'enough'), '');
    await eventually(async () => expect((await ask(port, '/live')).status).toBe(200));
    await worker.stop('SIGTERM');
  });

  it('tells strangers nothing but yes or no, and with a token nothing at all', async () => {
    const [cwd, port, guarded] = [tmpFolder(tasks), await freePort(), await freePort()];
    const worker = await startWorker(cwd, `0.0.0.0:${port}`);
    await eventually(async () => expect(await ask(port, '/ready')).toEqual({ status: 200, body: { ready: true } }));
    const shy = await startWorker(cwd, `127.0.0.1:${guarded}`, ['-n', 'w2@test'], { CTQ_HEALTH_TOKEN: 's3cret' });
    expect((await ask(guarded, '/live')).status).toBe(401);
    expect((await ask(guarded, '/live', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
    const headers = { authorization: 'Bearer s3cret' };
    await eventually(async () => expect((await ask(guarded, '/live', { headers })).status).toBe(200));
    expect((await probe(cwd, '--health', String(guarded))).code).toBe(69);
    const argv = ['status', '--probe', '--health', String(guarded), '-t', '20'];
    await eventually(async () => expect((await runCtq(argv, { cwd, env: { CTQ_HEALTH_TOKEN: 's3cret' } })).code).toBe(0));
    await Promise.all([worker, shy].map((one) => one.stop('SIGTERM')));
  });

  it('does not start a worker where somebody else listens', async () => {
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const worker = await startWorker(cwd, String(port));
    const second = await runCtq(['worker', '-A', 'tasks', '--health', String(port)], { cwd });
    expect(second).toMatchObject({
      code: 73,
      stderr: expect.stringContaining(`cannot listen on 127.0.0.1:${port}: somebody else listens there`),
    });
    await worker.stop('SIGTERM');
  });
});

describe('ctq worker --health <file>', () => {
  it('keeps a file for its owner fresh, replaces a symbolic link instead of following it, and removes it at the end', async () => {
    const cwd = tmpFolder({ ...tasks, 'precious.txt': 'precious' });
    symlinkSync(join(cwd, 'precious.txt'), join(cwd, 'w1.health'));
    const worker = await startWorker(cwd, '%n.health');
    const path = join(cwd, 'w1.health');
    const read = () => JSON.parse(readFileSync(path, 'utf8')) as { readonly at: string; readonly ready: boolean };
    const first = await eventually(() => {
      expect(read().ready).toBe(true);
      return read();
    });
    expect([lstatSync(path).isFile(), (lstatSync(path).mode & 0o777).toString(8)]).toEqual([true, '600']);
    expect(readFileSync(join(cwd, 'precious.txt'), 'utf8')).toBe('precious');
    await eventually(() => expect(read().at > first.at).toBe(true));
    await eventually(async () =>
      expect(await probe(cwd, '--health', 'w1.health', '--ready', '--json')).toMatchObject({
        code: 0,
        stdout: '{"ok":true,"nodes":["w1@test"],"problems":[]}\n',
      }),
    );
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(existsSync(path)).toBe(false);
  });

  it('is not believed when it is old, or not a worker’s', async () => {
    const cwd = tmpFolder({ old: '', foreign: '{"live":true}' });
    writeFileSync(
      join(cwd, 'old'),
      JSON.stringify({ live: true, ready: true, node: 'w@h', at: new Date(Date.now() - 60_000).toISOString() }),
    );
    expect(await probe(cwd, '--health', './old')).toMatchObject({ code: 69, stderr: expect.stringMatching(/\b[67]\d s old/) });
    expect(await probe(cwd, '--health', './foreign')).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('not what a worker writes'),
    });
    expect(await probe(cwd, '--health', './none')).toMatchObject({ code: 69, stderr: expect.stringContaining('there is no') });
  });

  it('does not start a worker that cannot write it', async () => {
    const cwd = tmpFolder(tasks);
    const run = await runCtq(['worker', '-A', 'tasks', '--health', 'none/w.health'], { cwd });
    expect(run).toMatchObject({ code: 73, stderr: expect.stringContaining('its folder does not exist') });
  });
});

describe('ctq status --probe', () => {
  it('is content with one answer, and wants one of each node that is named', async () => {
    const cwd = tmpFolder(tasks);
    const worker = await startWorker(cwd, 'w.health');
    expect(await probe(cwd)).toMatchObject({ code: 0, stdout: 'ok w1@test\n' });
    expect(await probe(cwd, '-d', 'w1@test')).toMatchObject({ code: 0 });
    await eventually(async () => {
      const half = await probe(cwd, '-d', 'w1@test,w9@test', '--json', '-t', '0.5');
      expect([half.code, JSON.parse(half.stdout)]).toEqual([
        69,
        { ok: false, nodes: ['w1@test'], problems: ['no answer from w9@test within 0.5 s'] },
      ]);
    });
    await worker.stop('SIGTERM');
    expect(await probe(cwd, '-t', '0.3')).toMatchObject({ code: 69, stderr: 'ctq: not ok: no worker answers within 0.3 s\n' });
  });

  it.each([
    [['--health', '8080'], '--health is for --probe'],
    [['--ready'], '--ready is for --probe'],
    [['--probe', '--ready'], '--ready is for --health'],
    [['--probe', '--health', '99999'], 'it must be a port'],
  ])('refuses %j', async (argv, words) => {
    expect(await runCtq(['status', ...argv], { cwd: tmpFolder() })).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
  });
});

describeWith('redis', 'the health of a worker on Redis', () => {
  const start = async (cwd: string, url: string, port: number): Promise<OwnedProcess> => {
    const worker = await startWorker(cwd, String(port), ['-b', url, '--health-patience', '2']);
    await eventually(async () => expect((await ask(port, '/ready')).status).toBe(200));
    return worker;
  };

  it('is not ready and still alive while the broker refuses what it wants', async () => {
    const redis = await startRedis();
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    await redis.command('ACL', 'SETUSER', 'worker', 'on', '>pw', '~*', '&*', '+@all');
    const worker = await start(cwd, `redis://worker:pw@127.0.0.1:${redis.port}`, port);
    await redis.command('ACL', 'SETUSER', 'worker', '-eval', '-evalsha');
    await redis.command('LPUSH', 'celery', 'a message');
    await eventually(
      async () => {
        const { status, body } = await ask(port, '/live');
        const refused = (body.problems as readonly { readonly code: string; readonly seconds: number }[]).find(
          ({ code }) => code === 'broker-away',
        );
        expect([status, (refused?.seconds ?? 0) > 3]).toEqual([200, true]);
      },
      { timeoutMs: 30_000 },
    );
    expect((await ask(port, '/ready')).status).toBe(503);
    await redis.command('ACL', 'SETUSER', 'worker', '+@all');
    await eventually(async () => expect((await ask(port, '/ready')).status).toBe(200), { timeoutMs: 30_000 });
    await worker.stop('SIGTERM');
    await redis.stop();
  });

  it('is not ready and still alive while the broker is away, and ready when it is back', async () => {
    const redis = await startRedis();
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const worker = await start(cwd, redis.url, port);
    await redis.kill();
    await eventually(async () => expect((await ask(port, '/ready')).status).toBe(503));
    // Longer than the patience, so a worker that only counted would be dead by now.
    await eventually(
      async () => {
        const { status, body } = await ask(port, '/live');
        const away = (body.problems as readonly { readonly code: string; readonly seconds: number }[]).find(
          ({ code }) => code === 'broker-away',
        );
        expect([status, (away?.seconds ?? 0) > 3]).toEqual([200, true]);
      },
      { timeoutMs: 30_000 },
    );
    await redis.restart();
    await eventually(async () => expect((await ask(port, '/ready')).status).toBe(200), { timeoutMs: 30_000 });
    await worker.stop('SIGTERM');
    await redis.stop();
  });
});
