/** `ctq keys`: its views at 80 and 120 columns, and what it says when something is wrong or nothing is there. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KeyCensus, type ListedKey } from '../../src/cli/keys/census.js';
import { countOrphans, orphansText } from '../../src/cli/keys/clean.js';
import { contentsText, type ShownKey } from '../../src/cli/keys/contents.js';
import { censusNote, censusText, type Listing } from '../../src/cli/keys/listing.js';
import { main } from '../../src/cli/main.js';
import { Ctq } from '../../src/index.js';
import { makeEmptyFile } from '../support/empty-file.js';
import { tmpFolder } from '../support/tmp.js';
import { fakeContext, FakeStream, type FakeWorld } from './fake-context.js';

const store = 'redis://localhost:6379/0';
const oid = '5da80a45-0bbc-3e16-9ff1-92fff559c87e';
const uuid = '6afc67c8-73c5-4c2c-87c4-cb39830760e7';

const listing: Listing = { pattern: undefined, kinds: undefined, order: 'bytes', limit: 5, orphans: 'too', isOrphan: () => true };
const orphansOnly: Listing = { ...listing, orphans: 'only' };

function key(name: string, change: Partial<ListedKey>): ListedKey {
  return { name, store, kind: 'queue', about: `queue ${name}`, type: 'list', members: 1, bytes: 500, ttlMs: undefined, ...change };
}

const reply = key(`${oid}.reply.celery.pidbox`, {
  ...{ kind: 'reply queue', about: 'answers to a remote-control client', members: undefined, bytes: 408 },
  orphan: { reason: 'reply queue of a client that is gone', count: 1 },
});
const binding = key('_kombu.binding.reply.celery.pidbox', {
  ...{ kind: 'binding', about: 'bindings of exchange reply.celery.pidbox', type: 'set', members: 1200, bytes: 120_000 },
  orphan: { reason: 'binding without queue', count: 1150 },
});
const keys = [
  key('celery', { members: 36_000, bytes: 32_928_088 }),
  key('celery\x06\x166', { about: 'queue celery, priority 6', members: 4_000, bytes: 3_253_224 }),
  binding,
  reply,
  ...Array.from({ length: 3 }, (_none, index) =>
    key(`celery-task-meta-${uuid.slice(0, -1)}${index}`, {
      ...{ kind: 'result', about: 'result of a task', type: 'string', members: undefined, bytes: 872, ttlMs: 82_800_000 - index },
    }),
  ),
];

function census(of: readonly ListedKey[], { order, limit }: Listing): KeyCensus {
  const taken = new KeyCensus(order, limit);
  for (const one of of) taken.add(one);
  return taken;
}

const message: ShownKey = {
  ...key('celery', { members: 36_000, bytes: 32_928_088 }),
  more: true,
  entries: [
    {
      name: '0',
      value: {
        ...{ id: uuid, task: 'tasks.add', args: [4, 'five'], kwargs: {}, callbacks: null, chord: null, problem: null, compression: null },
        headers: { lang: 'py', task: 'tasks.add', id: uuid, retries: 0, origin: 'gen42@a-host-with-a-long-name', argsrepr: "(4, 'five')" },
        ...{ properties: { priority: 0 }, content_type: 'application/json', content_encoding: 'utf-8', body_bytes: 81 },
      },
    },
    {
      name: '1',
      value: {
        ...{ id: uuid, task: 'tasks.old', args: null, content_type: 'application/x-python-serialize', body_bytes: 120 },
        pickle: { protocol: 2, bytes: 120, opcodes: 31, globals: ['datetime.datetime'] },
      },
    },
  ],
};

const views: readonly (readonly [name: string, view: (stream: FakeStream) => Promise<string>])[] = [
  ['many keys', (stream) => censusText(census(keys, listing), listing, stream)],
  ['orphans', (stream) => censusText(census([binding, reply], orphansOnly), orphansOnly, stream)],
  ['what clean is about to do', (stream) => orphansText(countOrphans([binding, reply]), stream)],
  ['the messages of a queue', async (stream) => contentsText(message, stream)],
];

describe.each([80, 120])('at %i columns', (columns) => {
  it.each(views)('%s', async (_name, view) => {
    const text = await view(new FakeStream(true, columns));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(text).toMatchSnapshot();
  });
});

describe('a census', () => {
  it('counts every key and keeps those that will be listed', () => {
    const large = new KeyCensus('bytes', 3);
    for (let index = 0; index < 10_000; index += 1) large.add(key(`q${index}`, { bytes: index }));
    expect([large.total, large.keys.map(({ name }) => name)]).toEqual([10_000, ['q9999', 'q9998', 'q9997']]);
    expect(large.kinds).toMatchObject([{ kind: 'queue', keys: 10_000, members: 10_000, withoutExpiry: 10_000 }]);
  });

  it('says in a line what is not listed', () => {
    expect(censusNote(census(keys, listing), listing)).toBe(
      '7 keys, 35 MiB; listed are the 5 largest, --limit and --kind show others; ctq keys show <key> decodes one',
    );
  });
});

describe('ctq keys', () => {
  const folder = tmpFolder();
  const url = `sqlite://${folder}/ctq.db`;

  async function ctq(argv: readonly string[], world: Partial<FakeWorld> = {}): Promise<readonly [number, string, string]> {
    const context = fakeContext({ cwd: folder, ...world });
    const code = await main([...argv, '-b', url], context);
    return [code, context.stdout.text, context.stderr.text];
  }

  it('says of an empty estate what to do next', async () => {
    await makeEmptyFile(url);
    expect(await ctq(['keys'])).toEqual([0, '', `ctq: ${url} is empty; ctq send <task> puts something there, -b <url> looks elsewhere\n`]);
    expect(await ctq(['keys', '--orphans'])).toEqual([0, '', `ctq: no orphans at ${url}\n`]);
    expect(await ctq(['keys', 'clean', '--orphans'])).toEqual([0, '', 'ctq: no orphans: nothing to clean\n']);
    expect(await ctq(['keys', 'mail'])).toEqual([0, '', `ctq: no key of the name mail at ${url}; '*mail*' finds it inside a name\n`]);
    expect(JSON.parse((await ctq(['keys', '--json']))[1])).toEqual({ total: { keys: 0, bytes: 0 }, kinds: [], keys: [] });
  });

  it('prints a line with tabs for each key in a pipe, and a document with --json', async () => {
    const app = new Ctq('t', { brokerUrl: url });
    await app.sendTask('tasks.add', [1], { queue: 'mail', taskId: 'an-id', priority: 6 });
    await app.close();
    const [code, lines] = await ctq(['keys', '--sort', 'name', '--kind', 'queue']);
    expect([code, lines]).toEqual([0, expect.stringMatching(/^mail\\x06\\x166\tqueue mail, priority 6\t1\t\d+\t\n$/)]);
    expect(JSON.parse((await ctq(['keys', 'mail*', '--json']))[1])).toMatchObject({
      total: { keys: 1 },
      kinds: [{ kind: 'queue', keys: 1, members: 1, without_expiry: 1, orphans: 0 }],
      keys: [{ name: 'mail\x06\x166', kind: 'queue', type: 'rows', members: 1, ttl_ms: null, orphan: null, store: url }],
    });
  });

  it('shows a key by its name as it is printed', async () => {
    const [code, text] = await ctq(['keys', 'show', 'mail\\x06\\x166']);
    expect(code).toBe(0);
    expect(text).toMatch(/^mail\\x06\\x166: queue mail, priority 6 \(rows, 1 member, \d+ B, no expiry\)\n#0\n {2}id +an-id\n/);
    expect(JSON.parse((await ctq(['keys', 'show', 'mail\\x06\\x166', '--json']))[1])).toMatchObject({
      entries: [{ name: '0', value: { id: 'an-id', args: [1] } }],
      more: false,
    });
  });

  it('says of the list of an empty queue that the queue is empty', async () => {
    // A queue that is paused is one, whether anything lies in it or not.
    await ctq(['queues', 'pause', 'video']);
    expect(await ctq(['keys', 'show', 'video'])).toEqual([1, '', 'ctq: queue video is empty (ctq queues lists all of them)\n']);
    await ctq(['queues', 'resume', 'video']);
  });

  it('says in one line what is wrong', async () => {
    expect(await ctq(['keys', 'show', 'nix'])).toEqual([
      1,
      '',
      `ctq: there is no key nix at ${url} (ctq keys '*nix*' lists those whose name has it)\n`,
    ]);
    expect(await ctq(['keys', 'show'])).toEqual([2, '', 'ctq: ctq keys show needs a key (ctq keys lists them)\n']);
    expect(await ctq(['keys', 'clean'])).toEqual([2, '', 'ctq: ctq keys clean needs to know what (ctq keys clean --orphans)\n']);
    expect(await ctq(['keys', 'a', 'b'])).toEqual([
      2,
      '',
      'ctq: too many arguments for ctq keys (ctq keys [pattern], ctq keys show <key>)\n',
    ]);
    expect((await ctq(['keys', '--kind', 'quue']))[2]).toContain('did you mean queue?');
    expect((await ctq(['keys', '--limit', '0']))[0]).toBe(2);
  });

  it('cleans only after a yes, and says beforehand what would go', async () => {
    const app = new Ctq('t', { brokerUrl: url, resultExpires: 0 });
    await (await app.backend()).store({ taskId: 'old', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    await app.close();
    const plan = 'result without expiry\t1\tremoved, value and all\n';
    expect(await ctq(['keys', 'clean', '--orphans', '--dry-run'])).toEqual([0, plan, 'ctq: nothing was removed: --dry-run\n']);
    expect((await ctq(['keys', 'clean', '--orphans']))[0]).toBe(2);
    expect(await ctq(['keys', 'clean', '--orphans', '-f'])).toEqual([0, plan, 'ctq: 1 of 1 cleaned up\n']);
    expect(JSON.parse((await ctq(['keys', '--orphans', '--json']))[1])).toMatchObject({ total: { keys: 0 } });
  });

  it('does not call results orphans that are meant to stay', async () => {
    const project = tmpFolder();
    writeFileSync(join(project, '.ctqrc.json'), '{"resultExpires": 0}');
    const context = fakeContext({ cwd: project });
    const app = new Ctq('t', { brokerUrl: `sqlite://${project}/ctq.db`, resultExpires: 0 });
    await (await app.backend()).store({ taskId: 'kept', status: 'SUCCESS', result: 1, traceback: null, children: [], dateDone: null });
    await app.close();
    expect(await main(['keys', 'clean', '--orphans', '-f', '-b', `sqlite://${project}/ctq.db`], context)).toBe(0);
    expect(context.stderr.text).toBe('ctq: no orphans: nothing to clean\n');
  });

  it('is drawn again and again with --watch, until it is stopped', async () => {
    const context = fakeContext({ cwd: folder, terminal: true });
    const watching = main(['keys', '--watch', '--interval', '0.1', '-b', url], context);
    await context.stdout.waitFor(/(\u001b\[H\u001b\[J[^]*){3}/);
    context.signal('SIGINT');
    expect(await watching).toBe(130);
    expect(context.stdout.text).toMatch(/ctq keys show <key> decodes one\n$/);
  });

  it('gives a pipe that watches rows alone, and a document a line with --json', async () => {
    for (const [argv, line] of [
      [['keys', '--kind', 'queue'], /^(mail\S+\t[^\n]+\n){2}/],
      [['keys', '--kind', 'queue', '--json'], /^(\{"total":.*\}\n){2}/],
    ] as const) {
      const context = fakeContext({ cwd: folder });
      const watching = main([...argv, '--watch', '--interval', '0.1', '-b', url], context);
      await context.stdout.waitFor(line);
      context.signal('SIGINT');
      await watching;
      expect(context.stdout.text).not.toContain('decodes one');
    }
  });
});
