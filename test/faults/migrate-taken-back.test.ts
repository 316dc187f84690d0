/** `ctq migrate` that goes wrong: no message stays where nobody looks. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { type CtqEnding, runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { TcpProxy } from '../support/proxy.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const ORDER = ['0', '1', '2', '3', '4', '5', '6'];

describeWith('redis', 'a migration that goes wrong', () => {
  let [source, locked, small]: RedisServer[] = [];
  let [from, file] = ['', ''];
  let files = 0;

  beforeAll(async () => {
    [source, locked, small] = await Promise.all([
      startRedis(),
      startRedis({ password: 'secret' }),
      startRedis({ args: ['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction'] }),
    ]);
    from = source?.url ?? '';
  });
  afterAll(() => Promise.all([source?.stop(), locked?.stop(), small?.stop()]));
  beforeEach(async () => {
    await source?.command('FLUSHALL');
    await send('mail', ORDER);
    files += 1;
    file = `sqlite://${tmpFolder()}/${files}.db`;
  });

  async function send(queue: string, ids: readonly string[], size = 1): Promise<void> {
    const app = new Ctq('client', { brokerUrl: from });
    for (const taskId of ids) await app.sendTask('tasks.add', ['x'.repeat(size)], { queue, taskId }).published;
    await app.close();
  }

  async function ids(url: string, queue: string): Promise<unknown[]> {
    const app = new Ctq('looker', { brokerUrl: url });
    try {
      const [estate] = await app.estates();
      return ((await estate?.messages.page(queue, 0, 2_000)) ?? []).map(({ message }) => message?.headers['id']);
    } finally {
      await app.close();
    }
  }

  const migrate = (argv: readonly string[], fault = ''): Promise<CtqEnding> =>
    runCtq(['migrate', ...argv], { env: { CTQ_FAULT: fault }, timeoutMs: 60_000 });
  const asides = async (): Promise<unknown> => source?.command('KEYS', '*aside*');

  it('takes nothing when the password of the destination is wrong, or nobody answers there', async () => {
    const bad = await migrate([from, `redis://:wrong@127.0.0.1:${locked?.port}`, '-Q', 'mail']);
    expect([bad.code, bad.stderr]).toEqual([69, expect.stringContaining('wrong user name or password')]);
    const nobody = await migrate([from, 'redis://127.0.0.1:1', '-Q', 'mail', '--connect-timeout', '20']);
    expect([nobody.code, nobody.stderr]).toEqual([69, expect.stringContaining('connection refused')]);
    expect([await ids(from, 'mail'), await asides()]).toEqual([ORDER, []]);
  });

  it('ends after the page at hand when it is interrupted, and leaves nothing aside', async () => {
    await send(
      'mail',
      Array.from({ length: 100 }, (_, index) => `more-${index}`),
    );
    const proxy = await TcpProxy.start(locked?.port ?? 0);
    proxy.delayMs = 100;
    const to = (port: number | undefined): string => `redis://:secret@127.0.0.1:${port}`;
    const run = startCtq(['migrate', from, to(proxy.port), '-Q', 'mail']);
    await eventually(async () => expect(await asides()).not.toEqual([]), { intervalMs: 5 });
    run.signal('SIGINT');
    expect((await run.waitForExit()).code).toBe(130);
    const inTime = run.stderr.includes('interrupted; the same command goes on');
    // It gives the page two seconds, which a machine may stand still for: the page is where the same command finds it then.
    if (!inTime) expect(run.stderr).toContain('ended without waiting any longer');
    proxy.delayMs = 0;
    if (!inTime) expect((await migrate([from, to(proxy.port), '-Q', 'mail'])).code).toBe(0);
    expect(await asides()).toEqual([]);
    const [left, there] = [await ids(from, 'mail'), await ids(to(locked?.port), 'mail')];
    expect(there.length).toBeGreaterThan(0);
    expect(left.length > 0).toBe(inTime);
    expect(new Set([...left, ...there]).size).toBe(ORDER.length + 100);
    expect(left.length + there.length).toBe(ORDER.length + 100);
    await proxy.close();
  });

  it('says that something is left when it is interrupted while the destination is silent, and goes on with it later', async () => {
    await locked?.command('FLUSHALL');
    const proxy = await TcpProxy.start(locked?.port ?? 0);
    proxy.delayMs = 200;
    const run = startCtq(['migrate', from, `redis://:secret@127.0.0.1:${proxy.port}`, '-Q', 'mail']);
    await eventually(async () => expect(await asides()).not.toEqual([]), { intervalMs: 5 });
    proxy.mode = 'swallow';
    run.signal('SIGINT');
    expect((await run.waitForExit()).code).toBe(130);
    expect(run.stderr).toContain('ended without waiting any longer for what was under way (ctq doctor says what is left of it)');
    expect(await asides()).not.toEqual([]);
    proxy.delayMs = 0;
    proxy.mode = 'pass';
    expect((await migrate([from, `redis://:secret@127.0.0.1:${proxy.port}`, '-Q', 'mail'])).code).toBe(0);
    expect([await asides(), await ids(from, 'mail')]).toEqual([[], []]);
    expect((await ids(`redis://:secret@127.0.0.1:${proxy.port}`, 'mail')).sort()).toEqual(ORDER);
    await proxy.close();
  });

  it('puts the page at hand back in its order when the destination takes it no more', async () => {
    const many = Array.from({ length: 60 }, (_, index) => `big-${index}`);
    await send('mail', many, 100_000);
    const full = await migrate([from, small?.url ?? '', '-Q', 'mail']);
    expect([full.code, full.stderr]).toEqual([69, expect.stringMatching(/messages that had been taken out are back where they were\n/)]);
    expect([...(await ids(small?.url ?? '', 'mail')), ...(await ids(from, 'mail'))]).toEqual([...ORDER, ...many]);
    expect(await asides()).toEqual([]);
    // Nothing of the page that was given up comes in later.
    expect((await migrate([from, file])).code).toBe(0);
    expect([...(await ids(small?.url ?? '', 'mail')), ...(await ids(file, 'mail'))]).toEqual([...ORDER, ...many]);
  });

  describe('killed with a page in its hands', () => {
    beforeEach(async () => expect((await migrate([from, file], 'migrate.aside:1')).signal).toBe('SIGKILL'));

    it('is told of by migrations to other places, by ctq queues and by purge, and goes nowhere by itself', async () => {
      const other = await migrate([from, `sqlite://${tmpFolder()}/other.db`]);
      expect([other.code, other.stderr]).toEqual([
        0,
        expect.stringMatching(/7 messages of mail stand aside: a migration to sqlite:.*; .*--put-back/),
      ]);
      await send('celery', ['a']);
      const chosen = await migrate([from, file, '-Q', 'celery']);
      expect([chosen.stdout, chosen.stderr]).toEqual(['celery\t1\t0\n', expect.stringContaining('7 messages of mail stand aside')]);
      const queues = await runCtq(['queues', '-b', from]);
      expect(queues.stderr).toContain('7 messages of mail stand aside');
      const documents = JSON.parse((await runCtq(['queues', '--json', '-b', from])).stdout) as { name: string; set_aside: number }[];
      expect(documents.find(({ name }) => name === 'mail')).toMatchObject({ ready: 0, set_aside: 7 });
      expect(await ids(file, 'mail')).toEqual([]);
      const last = await migrate([from, file]);
      expect([last.stdout, last.stderr]).toEqual(['mail\t7\t0\n', 'ctq: 7 messages of them had been set aside by an earlier migration\n']);
      expect(await ids(file, 'mail')).toEqual(ORDER);
    });

    it('is brought back by --put-back, before what has come since, and only what has not arrived', async () => {
      await send('mail', ['later']);
      const blind = await migrate(['--put-back', from]);
      expect([blind.code, blind.stdout]).toEqual([1, '']);
      expect(blind.stderr).toMatch(/7 messages of mail stand aside: .* name its destination as well/);
      const back = await migrate(['--put-back', from, file]);
      expect([back.code, back.stdout, back.stderr]).toEqual([0, 'mail\t7\n', '']);
      expect(await ids(from, 'mail')).toEqual([...ORDER, 'later']);
      expect((await migrate([from, file], 'migrate.arrived:1')).signal).toBe('SIGKILL');
      const arrived = await migrate(['--put-back', from, file]);
      expect([arrived.code, arrived.stdout]).toEqual([0, '']);
      expect(arrived.stderr).toBe('ctq: 8 messages had arrived, and went from the source\n');
      expect([await ids(from, 'mail'), await ids(file, 'mail')]).toEqual([[], [...ORDER, 'later']]);
      expect((await migrate(['--put-back', from, file])).stderr).toBe('ctq: nothing stands aside at the source\n');
    });

    it('is brought back without its destination by --put-back -f, once its last sign of life is old', { timeout: 90_000 }, async () => {
      const back = await migrate(['--put-back', from, '-f', '--json']);
      expect([back.code, JSON.parse(back.stdout)]).toEqual([0, { source: from, put_back: 7, had_arrived: 0, left: 0 }]);
      expect([await ids(from, 'mail'), await asides()]).toEqual([ORDER, []]);
    });
  });
});
