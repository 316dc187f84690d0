/** `ctq purge` on a file, as a user types it; interrupted and killed on a real server, too. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/index.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { TcpProxy } from '../support/proxy.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';
import { type FakeWorld, fakeContext } from './fake-context.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const apps: Ctq[] = [];
afterAll(() => Promise.all(apps.map((app) => app.close())));

function place() {
  const cwd = tmpFolder();
  const app = new Ctq('purge', { brokerUrl: `sqlite://${cwd}/ctq.db` });
  apps.push(app);
  const run = async (argv: readonly string[], world: Partial<FakeWorld> & { readonly types?: string } = {}): Promise<Ran> => {
    const context = fakeContext({ cwd, ...(world.types === undefined ? {} : { terminal: true, input: world.types }), ...world });
    if (world.types !== undefined) Object.assign(context.stdin, { isTTY: true });
    const code = await main([...argv, '-b', `sqlite://${cwd}/ctq.db`], context);
    return { code, stdout: context.stdout.text, stderr: context.stderr.text };
  };
  const raws = async (queue: string): Promise<readonly string[]> => {
    const [estate] = await app.estates();
    const page = (await estate?.messages.page(queue, 0, 100_000)) ?? [];
    return page.map(({ raw }) => Buffer.from(raw).toString('utf8'));
  };
  const send = async (queue: string, count: number, name = 'tasks.add'): Promise<void> => {
    await Promise.all(Array.from({ length: count }, (_, n) => app.sendTask(name, [n, 2], { queue }).published));
  };
  return { cwd, app, run, raws, send };
}

describe('ctq purge', () => {
  it('asks on a terminal, with the counts, and leaves everything when the answer is no', async () => {
    const { run, raws, send } = place();
    await send('mail', 3);
    await send('video', 2);
    const { code, stdout, stderr } = await run(['purge', '-Q', 'mail,video'], { types: 'n\n' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      'Remove 5 messages from mail (3), video (2) (for good; --keep-copy would keep a copy)? [y/N] ctq: nothing was removed\n',
    );
    expect(await raws('mail')).toHaveLength(3);
  });

  it('removes them after a yes, and says per queue what went, in 80 columns and in 120', async () => {
    for (const columns of [80, 120]) {
      const { run, raws, send } = place();
      await send('mail', 1_200);
      await send('video', 2);
      const { code, stdout } = await run(['purge', '-Q', 'mail,video'], { types: 'y\n', columns });
      expect([code, stdout]).toEqual([0, ' QUEUE   REMOVED\n mail      1,200\n video         2\n']);
      expect([await raws('mail'), await raws('video')]).toEqual([[], []]);
    }
  });

  it('refuses without -f where nobody can be asked', async () => {
    const { run, raws, send } = place();
    await send('mail', 3);
    const { code, stderr } = await run(['purge', '-Q', 'mail']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/nobody is here to answer \(-f goes ahead without asking, --dry-run shows what would happen\)\n$/);
    expect(await raws('mail')).toHaveLength(3);
  });

  it('takes the queues that a worker would take from, celery where nothing is said, and leaves out -X', async () => {
    const { run, raws, send, cwd } = place();
    await send('celery', 1);
    await send('mail', 2);
    await send('video', 2);
    expect((await run(['purge', '-f'])).stdout).toBe('celery\t1\n');
    writeFileSync(join(cwd, '.ctqrc.json'), '{"task_queues": ["mail", "video"]}');
    expect((await run(['purge', '-f', '-X', 'video'])).stdout).toBe('mail\t2\n');
    expect(await raws('video')).toHaveLength(2);
    expect((await run(['purge', '-f', '-X', 'video,mail'])).code).toBe(2);
  });

  it('removes only tasks of a name, and only those old enough', async () => {
    const { run, raws, send } = place();
    await send('mail', 3, 'tasks.mail.daily');
    await send('mail', 4, 'tasks.add');
    expect((await run(['purge', '-f', '-Q', 'mail', '--older-than', '1h'])).stdout).toBe('mail\t0\n');
    expect((await run(['purge', '--dry-run', '-Q', 'mail', '--task', 'tasks.mail.*'])).stdout).toBe('mail\t3\n');
    expect((await run(['purge', '-f', '-Q', 'mail', '--task', 'tasks.mail.*', '--older-than', '0'])).stdout).toBe('mail\t3\n');
    expect(await raws('mail')).toHaveLength(4);
  });

  it('keeps a copy that brings everything back, byte for byte, and that nobody else reads', async () => {
    const { run, raws, send, cwd } = place();
    await send('mail', 30);
    const before = await raws('mail');
    const removed = await run(['purge', '-f', '-Q', 'mail', '--keep-copy', 'mail.jsonl']);
    expect(removed.stderr).toContain('ctq purge --undo');
    await send('mail', 1);
    const back = await run(['purge', '--undo', 'mail.jsonl']);
    expect(back).toMatchObject({ code: 0, stdout: 'mail\t30\n' });
    expect((await raws('mail')).slice(0, 30)).toEqual(before);
    const again = await run(['purge', '--undo', 'mail.jsonl']);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/^ctq: .*mail\.jsonl was undone already: nothing of it is left to bring back/);
    expect(await raws('mail')).toHaveLength(31);
    expect(existsSync(join(cwd, 'mail.jsonl'))).toBe(true);
  });

  it('never writes over a file, and removes nothing when it cannot write', async () => {
    const { run, raws, send, cwd } = place();
    await send('mail', 3);
    writeFileSync(join(cwd, 'mail.jsonl'), 'precious');
    const { code, stderr } = await run(['purge', '-f', '-Q', 'mail', '--keep-copy', 'mail.jsonl']);
    expect([code, stderr]).toEqual([73, expect.stringContaining('it is there already; name another one')]);
    expect((await run(['purge', '-f', '-Q', 'mail', '--keep-copy', 'no/such/folder'])).code).toBe(73);
    expect(readFileSync(join(cwd, 'mail.jsonl'), 'utf8')).toBe('precious');
    expect(await raws('mail')).toHaveLength(3);
  });

  it('looks for the place of the copy before it asks, and leaves no file of no messages behind', async () => {
    const { cwd, run, raws, send } = place();
    await send('mail', 2);
    expect(await run(['purge', '-f', '-Q', 'video', '--keep-copy', 'mail.jsonl'])).toMatchObject({ code: 0 });
    expect(existsSync(join(cwd, 'mail.jsonl'))).toBe(false);
    writeFileSync(join(cwd, 'mail.jsonl'), 'x');
    const { code, stderr } = await run(['purge', '-Q', 'mail', '--keep-copy', 'mail.jsonl'], { types: 'y\n' });
    expect([code, stderr]).toEqual([73, expect.stringMatching(/^ctq: --keep-copy: cannot create .*it is there already/)]);
    expect(await raws('mail')).toHaveLength(2);
  });

  it('doubts the name of a queue that nobody has used, and takes no list of ctq for one', async () => {
    const { run, send } = place();
    await send('mail', 1);
    const { code, stdout, stderr } = await run(['purge', '-f', '-Q', 'mial']);
    expect([code, stdout]).toEqual([0, 'mial\t0\n']);
    expect(stderr).toBe('ctq: note: nobody uses a queue of the name mial (did you mean mail?)\n');
    const own = await run(['purge', '-f', '-Q', 'ctq:dead:mail']);
    expect([own.code, own.stderr]).toEqual([
      2,
      expect.stringMatching(/is no queue but a list of ctq's own \(.*ctq failed rm drops them\)/),
    ]);
  });

  it('writes lines that ctq send --batch sends as new messages', async () => {
    const { run, app, raws } = place();
    const link = { task: 'tasks.notify', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
    await app.sendTask('tasks.add', [3, 4], { queue: 'mail', kwargs: { by: 'mail' }, taskId: 'the-id', priority: 3, link }).published;
    await app.sendTask('tasks.add', [1], { queue: 'mail', chain: [link] }).published;
    await run(['purge', '-f', '-Q', 'mail', '--keep-copy', 'mail.jsonl']);
    const { stdout, stderr, code } = await run(['send', '--batch', 'mail.jsonl']);
    expect([code, stdout]).toEqual([2, 'the-id\n']);
    expect(stderr).toContain('mail.jsonl:1: no line can say all of this message (ctq purge --undo brings it back)');
    const [sent, ...others] = await raws('mail');
    expect(others).toEqual([]);
    const { headers, properties, body } = JSON.parse(sent ?? '') as {
      headers: { id: string; task: string };
      properties: { priority: number };
      body: string;
    };
    expect([headers.task, headers.id, properties.priority]).toEqual(['tasks.add', 'the-id', 3]);
    const [args, kwargs, { callbacks }] = JSON.parse(Buffer.from(body, 'base64').toString()) as [
      unknown,
      unknown,
      { callbacks: { task: string }[] },
    ];
    expect([args, kwargs, callbacks.map(({ task }) => task)]).toEqual([[3, 4], { by: 'mail' }, ['tasks.notify']]);
  });

  it('says in one line what is wrong with a file to undo', async () => {
    const { run, cwd, send } = place();
    await send('mail', 2);
    await run(['purge', '-f', '-Q', 'mail', '--keep-copy', 'good.jsonl']);
    const refused = async (text: string | undefined): Promise<string> => {
      if (text !== undefined) writeFileSync(join(cwd, 'bad.jsonl'), text);
      const { code, stderr } = await run(['purge', '--undo', text === undefined ? 'missing.jsonl' : 'bad.jsonl']);
      expect(code).toBe(2);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      return stderr;
    };
    const good = readFileSync(join(cwd, 'good.jsonl'), 'utf8');
    const [first = '', second = ''] = good.split('\n');
    expect(await refused(undefined)).toContain('there is no such file');
    expect(await refused('')).toContain('has no messages');
    expect(await refused('{"task": "tasks.add"}\n')).toContain('bad.jsonl:1 is not the line of a purge');
    expect(await refused(`${second}\n${first}\n`)).toContain('is not the line of a purge that should stand there');
    expect(await refused(good.replaceAll('sqlite://', 'sqlite:///elsewhere'))).toContain('were taken from');
    expect((await run(['purge', '--undo', 'good.jsonl', '--delayed'])).stderr).toContain('--undo brings back all of a file');
  });

  it('has nothing to remove from empty queues, and does not ask', async () => {
    const { app, run } = place();
    await (await app.broker()).depth('mail');
    expect(await run(['purge', '-Q', 'mail'])).toEqual({
      code: 0,
      stdout: 'mail\t0\n',
      stderr: 'ctq: note: nobody uses a queue of the name mail (ctq queues lists those there are)\nctq: nothing to remove\n',
    });
  });
});

describeWith('redis', 'ctq purge, stopped in the middle', () => {
  const redis = forSuite(startRedis);
  // Each round trip takes its time, and takes longer where we stand still: nobody is done before we have seen him in the middle.
  const slow = forSuite(() => TcpProxy.start(redis().port));
  const url = (): string => `redis://127.0.0.1:${slow().port}/0`;
  /** A queue of large messages: its removal takes a while. */
  async function fill(queue: string, count: number): Promise<readonly string[]> {
    const list: string[] = [];
    for (let n = 0; n < count; n += 1) {
      list.push(
        `{"body": "${Buffer.from(`[[${n}], {}, {}]`).toString('base64')}", "content-encoding": "utf-8", "content-type": "application/json", ` +
          `"headers": {"task": "tasks.add", "id": "${n}", "filler": "${'x'.repeat(2_000)}"}, "properties": {"body_encoding": "base64", "delivery_tag": "${n}"}}`,
      );
    }
    for (let at = 0; at < count; at += 500) await redis().command('LPUSH', queue, ...list.slice(at, at + 500));
    return list;
  }

  async function inQueue(queue: string): Promise<readonly string[]> {
    const found: string[] = [];
    const length = Number(await redis().command('LLEN', queue));
    for (let at = 0; at < length; at += 200) found.push(...((await redis().command('LRANGE', queue, at, at + 199)) as readonly string[]));
    return found.reverse();
  }

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`by ${signal}: what went is in the copy or aside, and all of it comes back in its order`, async () => {
      await redis().command('FLUSHALL');
      const cwd = tmpFolder();
      const before = await fill('mail', 4_000);
      slow().delayMs = 25;
      const purge = startCtq(['purge', '-f', '-Q', 'mail', '--keep-copy', 'mail.jsonl', '-b', url()], { cwd });
      await eventually(async () => Number(await redis().command('LLEN', 'mail')) < 3_500, { intervalMs: 1 });
      purge.signal(signal);
      slow().delayMs = 0;
      const ending = await purge.waitForExit();
      const left = await inQueue('mail');
      expect(left.length).toBeGreaterThan(0);
      if (signal === 'SIGINT') {
        expect([ending.code, await redis().command('KEYS', 'ctq:aside:*')]).toEqual([130, []]);
        const copied = readFileSync(join(cwd, 'mail.jsonl'), 'utf8').trimEnd().split('\n').length;
        expect(copied + left.length).toBe(4_000);
        expect(purge.output).toContain(`interrupted: ${copied.toLocaleString('en')} messages went, the others wait still`);
      }
      const undo = await runCtq(['purge', '--undo', 'mail.jsonl', '-b', url()], { cwd });
      // What takes more than five seconds says how far it is.
      expect([undo.code, undo.stderr.replaceAll(/^ctq: bringing back: .*\n/gm, '')]).toEqual([0, '']);
      expect(await inQueue('mail')).toEqual(before);
      expect(await redis().command('KEYS', 'ctq:aside*')).toEqual([]);
    });
  }

  it('and an undo that was stopped goes on where it was', async () => {
    await redis().command('FLUSHALL');
    const cwd = tmpFolder();
    const before = await fill('mail', 4_000);
    await runCtq(['purge', '-f', '-Q', 'mail', '--keep-copy', 'mail.jsonl', '-b', url()], { cwd });
    slow().delayMs = 25;
    const undo = startCtq(['purge', '--undo', 'mail.jsonl', '-b', url()], { cwd });
    await eventually(async () => Number(await redis().command('LLEN', 'mail')) > 0, { intervalMs: 1 });
    undo.signal('SIGKILL');
    await undo.waitForExit();
    expect(Number(await redis().command('LLEN', 'mail'))).toBeLessThan(4_000);
    slow().delayMs = 0;
    const rest = await runCtq(['purge', '--undo', 'mail.jsonl', '-b', url()], { cwd });
    expect([rest.code, rest.stderr]).toEqual([
      0,
      expect.stringMatching(/^(?:ctq: bringing back: .*\n)*ctq: [\d,]+ messages had been brought back before\n$/),
    ]);
    expect(await inQueue('mail')).toEqual(before);
  });
});
