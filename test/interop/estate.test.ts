/** The operator's commands on an estate that Celery made: 200,000 messages, 20,000 results. Counts are the server's own. */
import { beforeAll, expect, test } from 'vitest';
import { runCtq } from '../support/ctq-process.js';
import { buildPythonEstate, type PythonEstate } from '../support/estate.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

interface Keys {
  readonly total: { readonly keys: number };
  readonly kinds: readonly { readonly kind: string; readonly keys: number; readonly members: number }[];
  readonly keys: readonly {
    readonly name: string;
    readonly kind: string;
    readonly members: number | null;
    readonly ttl_ms: number | null;
  }[];
}

interface Found {
  readonly id: string;
  readonly task: string | null;
  readonly where: string;
  readonly state: string | null;
  readonly places: readonly { readonly queue: string; readonly priority: number; readonly position: number; readonly among: number }[];
  readonly workers: readonly { readonly node: string; readonly state: string }[] | null;
  readonly chord: { readonly done: number; readonly size: number; readonly body: { readonly task: string } | null } | null;
}

async function json<Document>(redis: RedisServer, ...argv: readonly string[]): Promise<Document> {
  const { code, stdout, stderr } = await runCtq([...argv, '--json', '-b', redis.url], { timeoutMs: 60_000 });
  // What takes more than five seconds says how far it is.
  expect([code, stderr.replaceAll(/^ctq: looking at keys\b.*\n/gm, '')]).toEqual([0, '']);
  return JSON.parse(stdout) as Document;
}

const QUEUES = { celery: 40_000, mail: 40_000, video: 40_000, reports: 40_000, 'slow.jobs': 40_000 };

describeWith(['redis', 'python'], 'a large estate of Python workers', () => {
  const redis = forSuite(() => startRedis({ args: ['--slowlog-log-slower-than', '10000', '--slowlog-max-len', '1000'] }));
  let estate: PythonEstate;

  beforeAll(async () => {
    estate = await buildPythonEstate(redis(), { queues: QUEUES, results: 20_000, chords: 50, replyQueues: 25 });
  }, 120_000);

  test('has each of its keys named, and counted to the last message', { timeout: 60_000 }, async () => {
    const { total, kinds, keys } = await json<Keys>(redis(), 'keys');
    expect(total.keys).toBe(Number(await redis().command('DBSIZE')));
    expect(new Set(keys.map(({ name }) => name)).size).toBe(total.keys);
    const lists = keys.filter(({ kind }) => kind === 'queue');
    for (const { name, members } of lists) expect([name, members]).toEqual([name, Number(await redis().command('LLEN', name))]);
    expect(lists.map(({ name }) => name).sort()).toEqual(['parts', ...estate.waiting.keys()].sort());
    const count = (kind: string): unknown => kinds.find((one) => one.kind === kind);
    expect(count('queue')).toMatchObject({ keys: 11, members: 200_001 });
    expect(count('reply queue')).toMatchObject({ keys: 25 });
    expect(count('chord')).toMatchObject({ keys: 2 * 51 });
    expect(count('group result')).toMatchObject({ keys: 1 });
    expect(count('unknown')).toBeUndefined();
    const results = new Set(keys.filter(({ kind }) => kind === 'result').map(({ name }) => name));
    expect(estate.results.filter(({ id }) => !results.has(`celery-task-meta-${id}`))).toEqual([]);
    expect(keys.filter(({ kind, ttl_ms: ttl }) => kind === 'result' && ttl === null)).toEqual([]);
  });

  test('tells of any message where it stands in its line', { timeout: 60_000 }, async () => {
    for (const [index, [list, ids]] of [...estate.waiting].entries()) {
      const [queue, step] = list.split('\x06\x16');
      // The next one, the last one, one in the middle: of each list one of them, and of one list all.
      const positions = [0, ids.length - 1, Math.floor(ids.length / 2)];
      for (const position of index === 0 ? positions : [positions[index % 3] as number]) {
        const { where, task, places } = await json<Found>(redis(), 'find', ids[position] ?? '');
        expect([where, task]).toEqual(['queued', 'tasks.add']);
        expect(places).toMatchObject([
          { queue, priority: Number(step ?? 0), position, among: Number(await redis().command('LLEN', list)) },
        ]);
      }
    }
  });

  test('tells of a result whole, and of an id by its beginning', { timeout: 60_000 }, async () => {
    for (const { id, state } of [0, 9].flatMap((index) => estate.results[index] ?? [])) {
      expect(await json<Found>(redis(), 'find', id)).toMatchObject({ where: 'done', state, places: [], workers: null });
    }
    const id = estate.results[0]?.id ?? '';
    expect(await json<Found>(redis(), 'find', id.slice(0, 18))).toMatchObject({ id });
    const waiting = estate.waiting.get('video')?.[20_000] ?? '';
    expect(await json<Found>(redis(), 'find', waiting.slice(0, 18))).toMatchObject({ id: waiting, where: 'queued' });
  });

  test('tells which chord waits for a task', { timeout: 60_000 }, async () => {
    const { done, waiting } = estate.chord;
    expect(await json<Found>(redis(), 'find', waiting)).toMatchObject({
      where: 'queued',
      chord: { done: 1, size: 2, body: { task: 'tasks.xsum' } },
    });
    expect(await json<Found>(redis(), 'find', done)).toMatchObject({ where: 'done', chord: { done: 1, size: 2 } });
  });

  test('an id that nobody knows is told as such, after looking everywhere', { timeout: 60_000 }, async () => {
    const { code, stdout, stderr } = await runCtq(['find', '00000000-1111-2222-3333-444444444444', '-b', redis().url]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^ctq: nobody knows a task 00000000-1111-2222-3333-444444444444 at redis:\S+ \(.+\)\n$/);
  });

  test('never makes its server wait for us', { timeout: 120_000 }, async () => {
    const slowOnes = async (): Promise<Set<string>> => {
      await redis().command('SLOWLOG', 'RESET');
      await json(redis(), 'keys');
      await json(redis(), 'keys', 'show', 'celery', '--limit', '100');
      await runCtq(['find', '00000000-1111-2222-3333-444444444444', '-b', redis().url]);
      await runCtq(['keys', 'clean', '--orphans', '--dry-run', '-b', redis().url]);
      const entries = (await redis().command('SLOWLOG', 'GET', '1000')) as unknown as readonly (readonly [
        number,
        number,
        number,
        string[],
      ])[];
      return new Set(entries.map(([, , , words]) => words.slice(0, 8).join(' ')));
    };
    // On a machine with other things to do any command may be slow once; one that is slow by itself is so each time.
    let slow = await slowOnes();
    for (let again = 0; again < 4 && slow.size > 0; again += 1) {
      const slowAgain = await slowOnes();
      slow = new Set([...slow].filter((command) => slowAgain.has(command)));
    }
    expect([...slow]).toEqual([]);
  });
});

describeWith(['redis', 'python'], 'in an estate with a Python worker', () => {
  test('a task is found running, reserved, or held until its time', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const sites = { broker: redis.url, backend: redis.url };
    const worker = await startCeleryWorker({ ...sites, hostname: 'py@found' });
    const [running = '', reserved = '', later = ''] = (await runPython(
      'result = [sleep.delay(600).id, add.delay(1, 2).id, add.apply_async((1, 2), countdown=3600).id]',
      sites,
    )) as string[];
    // A worker that does not answer in time is not told of; the next time it is.
    const isFound = (id: string, where: Readonly<Record<string, unknown>>): Promise<void> =>
      eventually(async () => expect(await json<Found>(redis, 'find', id)).toMatchObject(where));
    await isFound(running, { where: 'running', task: 'tasks.sleep', workers: [{ node: 'py@found', state: 'active' }] });
    await eventually(async () => Number(await redis.command('HLEN', 'unacked')) === 2);
    await isFound(reserved, { where: 'reserved', places: [{ queue: 'celery' }], workers: [{ node: 'py@found', state: 'reserved' }] });
    await isFound(later, {
      where: 'delayed',
      places: [{ place: 'unacked', queue: 'celery' }],
      workers: [{ node: 'py@found', state: 'scheduled' }],
    });
    await eventually(async () => expect((await runCtq(['find', later, '-b', redis.url])).stdout).toContain('held by py@found'));
    await worker.kill();
    // Nobody answers any more; what the store knows is still true.
    expect(await json<Found>(redis, 'find', reserved)).toMatchObject({ where: 'reserved', workers: [] });
    const { stdout } = await runCtq(['find', reserved, '-b', redis.url]);
    expect(stdout).toContain('taken by a worker that does not answer, from queue celery');
  });

  test('a reply queue is left where a client died between question and answer, and is cleaned up', { timeout: 60_000 }, async () => {
    const redis = await startRedis();
    const sites = { broker: redis.url, backend: redis.url };
    const worker = await startCeleryWorker(sites);
    await runPython(
      `
        import subprocess
        lines = [
            "import os, time",
            "from tasks import app",
            "from kombu.pidbox import Mailbox",
            "Mailbox._collect = lambda *args, **kwargs: (time.sleep(0.5), os._exit(0))",
            "app.control.inspect(timeout=5).ping()",
        ]
        result = subprocess.run([sys.executable, "-c", chr(10).join(lines)], stdout=subprocess.DEVNULL).returncode
      `,
      sites,
    );
    await eventually(async () => (await json<Keys>(redis, 'keys', '--kind', 'reply queue')).total.keys === 1);
    // Not yet: it may be a slow client.
    expect((await json<Keys>(redis, 'keys', '--orphans')).total.keys).toBe(0);
    const name = (await json<Keys>(redis, 'keys', '--kind', 'reply queue')).keys[0]?.name ?? '';
    // As if a minute had gone by.
    const lua = "return redis.call('RESTORE', KEYS[1], 0, redis.call('DUMP', KEYS[1]), 'REPLACE', 'IDLETIME', 61)";
    await redis.command('EVAL', lua, 1, name);
    expect((await json<Keys>(redis, 'keys', '--orphans')).keys.map(({ kind }) => kind).sort()).toEqual(['binding', 'reply queue']);
    expect(await json(redis, 'keys', 'clean', '--orphans', '-f')).toMatchObject({ found: 2, removed: 2 });
    expect((await json<Keys>(redis, 'keys', '--orphans')).total.keys).toBe(0);
    // The worker's own mailbox is nobody's orphan, and it still answers.
    const { stdout } = await runCtq(['status', '-b', redis.url, '-t', '20']);
    expect(stdout).toContain(worker.hostname);
    await worker.stop();
  });
});
