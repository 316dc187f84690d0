/** inspect, control, status and events as people and pipes see them: real workers, in this process, over the memory broker. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMemoryBroker } from '../../src/brokers/memory/broker.js';
import { main } from '../../src/cli/main.js';
import type { SettingsInput } from '../../src/config/settings.js';
import { Ctq } from '../../src/ctq.js';
import { eventExchange, eventRoute } from '../../src/protocol/events.js';
import type { Worker } from '../../src/worker/worker.js';
import { FakeClock } from '../support/fake-clock.js';
import { tmpFolder } from '../support/tmp.js';
import { type FakeContext, fakeContext, type FakeWorld } from './fake-context.js';

const folder = tmpFolder();
const url = `memory://${randomUUID()}`;

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function ctq(argv: readonly string[], world: Partial<FakeWorld> = {}, broker = url): Promise<Run> {
  const context = fakeContext({ cwd: folder, ...world });
  // A process that stands still for a second has not heard its own workers; with more patience it ends as soon as all have answered.
  const asks = ['inspect', 'control', 'status'].includes(argv[0] ?? '') && !argv.includes('-t') && !argv.includes('--help');
  const code = await main(['-b', broker, ...argv, ...(asks ? ['-t', '20'] : [])], context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}

/** Ends by itself after so many events, or by a signal. */
function follow(argv: readonly string[], world: Partial<FakeWorld> = {}): { context: FakeContext; code: Promise<number> } {
  const context = fakeContext({ cwd: folder, ...world });
  return { context, code: main(['-b', url, 'events', ...argv], context) };
}

const apps: Ctq[] = [];

async function startWorker(hostname: string, settings: SettingsInput = {}): Promise<Worker> {
  const app = new Ctq('tasks', { brokerUrl: url, workerPoolRestarts: true, redisPassword: 'hunter2', ...settings });
  apps.push(app);
  app.task('tasks.add', (x: number, y: number) => x + y);
  app.task({ name: 'tasks.limited', rateLimit: '1/m' }, () => 1);
  app.task('tasks.boom', () => {
    throw new RangeError('too far');
  });
  app.task(
    { name: 'tasks.wait', bind: true },
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  );
  app.control.command({ name: 'paths', kind: 'inspect', summary: 'paths in use' }, () => ['/a', '/b']);
  app.control.command('set_paths', (worker, args) => ({ ok: `${worker.nodename}: ${String(args['paths'])}` }));
  const worker = await app.worker({ hostname, concurrency: 5 });
  const ready = new Promise<void>((resolve) => app.signals.workerReady.connect(() => resolve()));
  void worker.start();
  await ready;
  return worker;
}

/** How many hear events. */
async function eventListeners(): Promise<number> {
  const broker = await openMemoryBroker(url);
  const message = { headers: {}, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from('[]') };
  const exchange = eventExchange('celeryev', broker.capabilities.eventExchangeType);
  const reached = await broker.broadcast(message, eventRoute(exchange, 'task.multi'));
  await broker.close();
  return reached;
}

const workers: Worker[] = [];
beforeAll(async () => {
  for (const name of ['w1@test', 'w2@test']) workers.push(await startWorker(name));
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop('cold')));
  await Promise.all(apps.map((app) => app.close()));
});

describe('ctq inspect', () => {
  it('prints a table to people, with a count of nodes', async () => {
    const { code, stdout, stderr } = await ctq(['inspect', 'ping'], { terminal: true });
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.trim().replace(/ +/g, ' '))).toEqual(['NODE ANSWER', 'w1@test pong', 'w2@test pong', '']);
    expect(stderr).toContain('2 nodes online.');
  });

  it('prints tab-separated lines to pipes, and nothing else', async () => {
    expect(await ctq(['inspect', 'ping'])).toEqual({ code: 0, stdout: 'w1@test\tpong\nw2@test\tpong\n', stderr: '' });
  });

  it('prints one document with --json, in Celery’s shape', async () => {
    const { stdout } = await ctq(['inspect', 'ping', '--json']);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual({ 'w1@test': { ok: 'pong' }, 'w2@test': { ok: 'pong' } });
  });

  it('does not wait for its time-out when all have answered', async () => {
    const started = performance.now();
    await ctq(['inspect', 'ping', '-t', '60']);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('asks only the nodes that were named, and says who is missing', async () => {
    expect((await ctq(['inspect', 'ping', '-d', 'w2@test'])).stdout).toBe('w2@test\tpong\n');
    const { code, stdout, stderr } = await ctq(['inspect', 'ping', '-d', 'w2@test,gone@test', '-t', '0.2']);
    expect([code, stdout, stderr]).toEqual([0, 'w2@test\tpong\n', 'ctq: note: no answer from gone@test\n']);
  });

  it('shows what runs, and where a task is', async () => {
    const sent = apps[0]?.sendTask('tasks.wait', [], { taskId: 'waiting-one' });
    await sent?.published;
    await expect
      .poll(async () => (await ctq(['inspect', 'active'])).stdout)
      .toMatch(/^w\d@test\twaiting-one\ttasks\.wait\t\[\]\t\{\}\t20\S+Z\t\d+\n$/);
    expect((await ctq(['inspect', 'query_task', 'waiting-one', 'unknown'])).stdout).toMatch(
      /^w\d@test\tactive\twaiting-one\ttasks\.wait\t/,
    );
    const { stdout } = await ctq(['control', 'terminate', 'SIGTERM', 'waiting-one']);
    expect(stdout).toContain('terminate: waiting-one');
    await expect.poll(async () => (await ctq(['inspect', 'active'])).stdout).toBe('');
  });

  it('lists registered tasks with attributes, queues, figures and settings', async () => {
    expect((await ctq(['inspect', 'registered', '-d', 'w1@test'])).stdout).toBe(
      ['tasks.add', 'tasks.boom', 'tasks.limited [rate_limit=1/m]', 'tasks.wait'].map((line) => `w1@test\t${line}\n`).join(''),
    );
    expect((await ctq(['inspect', 'registered', 'max_retries', '-d', 'w1@test'])).stdout).toContain('tasks.add [max_retries=3]');
    const everything = (await ctq(['inspect', 'registered', '--kwargs', '{"builtins": true}', '-d', 'w1@test'])).stdout;
    expect(everything.match(/celery\.\w+/g)).toEqual(
      ['accumulate', 'backend_cleanup', 'chain', 'chord', 'chord_unlock', 'chunks', 'group', 'map', 'starmap'].map(
        (name) => `celery.${name}`,
      ),
    );
    expect((await ctq(['inspect', 'active-queues', '-d', 'w1@test'])).stdout).toBe('w1@test\tcelery\tcelery\tdirect\tcelery\tyes\tno\n');
    expect((await ctq(['inspect', 'stats', '-d', 'w1@test'])).stdout).toContain('w1@test\tpool.max-concurrency\t5\n');
    const conf = await ctq(['inspect', 'conf', '-d', 'w1@test']);
    expect(conf.stdout).toContain('w1@test\tworker_pool_restarts\ttrue\n');
    expect((await ctq(['inspect', 'conf', 'true', '-d', 'w1@test'])).stdout).toContain('w1@test\ttask_default_queue\tcelery\n');
    expect(conf.stdout).not.toContain('hunter2');
    expect((await ctq(['inspect', 'report', '-d', 'w1@test'])).stdout).toMatch(/^-> w1@test\nsoftware -> ctq:/);
  });

  it('knows the app’s own commands only with the app, and any name with --kwargs', async () => {
    expect((await ctq(['inspect', 'paths'])).code).toBe(2);
    expect((await ctq(['inspect', 'paths', '--kwargs', '{}', '-d', 'w1@test'])).stdout).toBe('w1@test\t["/a","/b"]\n');
    expect((await ctq(['control', 'set_paths', '--kwargs', '{"paths": "/x"}', '-d', 'w1@test'])).stdout).toBe('w1@test\tw1@test: /x\n');
  });

  it.each([
    [['inspect'], 'the method is missing'],
    [['inspect', 'pign'], 'unknown inspect command "pign" (did you mean ping?)'],
    [['inspect', 'revoke', 'x'], 'revoke is no inspect command (it is ctq control revoke)'],
    [['inspect', 'ping', 'x'], 'too many arguments for ping (usage: ctq inspect ping)'],
    [['inspect', 'query_task'], 'query_task needs ids'],
    [['inspect', 'memdump', 'many'], 'samples is "many" (it must be a whole number)'],
    [['inspect', 'conf', 'perhaps'], 'with_defaults is "perhaps" (it must be true or false)'],
    [['inspect', 'ping', '--kwargs', '[1]'], '--kwargs is "[1]"'],
    [['inspect', 'ping', 'x', '--kwargs', '{}'], 'arguments were given twice'],
    [['inspect', 'ping', '-t', 'soon'], '--timeout is "soon"'],
    [['control', 'rate_limit', 'tasks.add'], 'rate_limit needs rate_limit (usage: ctq control rate_limit <task_name> <rate_limit'],
    [['control', 'rate_limit', 'tasks.add', '10/x'], 'rate_limit is "10/x" (it must be so many a second, minute or hour, such as 5/s'],
    [['control', 'rate_limit', 'tasks.add', 'fast'], 'rate_limit is "fast"'],
    [['control', 'election', 'one'], 'election needs topic (usage: ctq control election <id> <topic> [action])'],
    [['control', 'terminate', 'aaaa-1'], '"aaaa-1" is no signal (the signal comes first: ctq control terminate SIGTERM aaaa-1)'],
    [['control', 'terminate', 'aaaa-1', 'KILL'], '"aaaa-1" is no signal (the signal comes first: ctq control terminate KILL aaaa-1)'],
    [['control'], 'the method is missing'],
    [['control', 'nonsense-and-more'], 'unknown control command'],
  ])('%j is answered in one line with exit code 2', async (argv, says) => {
    const { code, stdout, stderr } = await ctq(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`ctq: ${says}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('lists its methods, in the help too', async () => {
    expect((await ctq(['inspect', '--list'])).stdout.split('\n')).toContain('active_queues');
    const { stdout } = await ctq(['inspect', '--help']);
    for (const method of ['active', 'conf [include_defaults=False]', 'registered [attr1', 'scheduled', 'stats'])
      expect(stdout).toContain(`  ${method}`);
    expect(stdout).not.toContain('hello');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

describe('ctq control', () => {
  it('changes workers, and they say so', async () => {
    expect((await ctq(['control', 'pool_grow', '3', '-d', 'w1@test'])).stdout).toBe('w1@test\tpool will grow\n');
    expect((await ctq(['inspect', 'stats', '-d', 'w1@test'])).stdout).toContain('pool.max-concurrency\t8\n');
    expect((await ctq(['control', 'pool_shrink', '3', '-d', 'w1@test'])).stdout).toBe('w1@test\tpool will shrink\n');
    expect((await ctq(['control', 'add_consumer', 'extra', '-d', 'w1@test'])).stdout).toBe('w1@test\tadd consumer extra\n');
    expect((await ctq(['inspect', 'active_queues'])).stdout).toContain('w1@test\textra\textra\tdirect\textra\tyes\tno\n');
    expect(await apps[0]?.sendTask('tasks.add', [20, 1], { queue: 'extra' }).get({ timeout: 30 })).toBe(21);
    expect((await ctq(['control', 'cancel_consumer', 'extra', '-d', 'w1@test'])).stdout).toBe('w1@test\tno longer consuming from extra\n');
    expect((await ctq(['inspect', 'active_queues'])).stdout).not.toContain('extra');
    expect((await ctq(['control', 'rate_limit', 'tasks.add', '10/m'])).stdout).toContain('new rate limit set successfully');
    expect((await ctq(['control', 'rate_limit', 'tasks.add', '0'])).stdout).toContain('rate limit disabled successfully');
    expect((await ctq(['control', 'time_limit', 'tasks.add', '60', '120'])).stdout).toContain('time limits set successfully');
    expect((await ctq(['inspect', 'registered', 'soft_time_limit', 'time_limit'])).stdout).toContain(
      'tasks.add [soft_time_limit=60 time_limit=120]',
    );
    await ctq(['control', 'time_limit', 'tasks.add', '0', '0']);
  });

  it('says ok for what workers obey in silence', async () => {
    expect((await ctq(['control', 'heartbeat'])).stdout).toBe('w1@test\tok\nw2@test\tok\n');
  });

  it('prints a list of answers with --json, as Celery does', async () => {
    expect(JSON.parse((await ctq(['control', 'heartbeat', '--json'])).stdout)).toEqual([{ 'w1@test': null }, { 'w2@test': null }]);
  });

  it('exits 1 when a worker refuses', async () => {
    const refused = await ctq(['control', 'rate_limit', 'quite.another', '1/s', '-d', 'w1@test']);
    expect(refused).toEqual({
      code: 1,
      stdout: 'w1@test\terror: unknown task\n',
      stderr: expect.stringMatching(/^ctq: note: no task was changed \(no worker has a task of that name; ctq inspect registered .*\)\n$/),
    });
    const slip = await ctq(['control', 'time_limit', 'tasks.ad', '1', '2']);
    expect([slip.code, slip.stderr]).toEqual([1, 'ctq: note: no task was changed (did you mean tasks.add?)\n']);
    expect((await ctq(['control', 'autoscale', '5', '2'])).code).toBe(1);
    expect((await ctq(['control', 'frobnicate', '--kwargs', '{}', '-d', 'w1@test'])).stdout).toBe(
      "w1@test\terror: KeyError('frobnicate')\n",
    );
  });

  it('changes a task where it is known, and calls that done though other workers do not have it', async () => {
    apps[1]?.task('tasks.second', () => 2);
    const { code, stdout } = await ctq(['control', 'rate_limit', 'tasks.second', '5/s']);
    expect([code, stdout]).toEqual([0, 'w1@test\terror: unknown task\nw2@test\tnew rate limit set successfully\n']);
    expect((await ctq(['control', 'time_limit', 'tasks.nope', '1', '2'])).code).toBe(1);
  });

  it('takes the beginning of an id for the whole, and refuses one that begins no id it knows of', async () => {
    const taskId = randomUUID();
    const handle = (apps[0] as Ctq).sendTask('tasks.wait', [], { taskId });
    await expect.poll(async () => (await ctq(['inspect', 'active'])).stdout).toContain(taskId);
    const beginning = taskId.slice(0, 8);
    // What workers have is asked for a moment only.
    await expect
      .poll(() => ctq(['control', 'revoke', beginning, '-d', 'w1@test']))
      .toEqual({
        code: 0,
        stdout: `w1@test\ttasks {'${taskId}'} flagged as revoked\n`,
        stderr: `ctq: note: ${beginning} is ${taskId}\n`,
      });
    await ctq(['control', 'terminate', 'TERM', taskId]);
    await expect(handle.get({ timeout: 30 })).rejects.toMatchObject({ state: 'REVOKED' });
    const unknown = await ctq(['control', 'revoke', '00000000-000']);
    expect([unknown.code, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toMatch(/^ctq: 00000000-000 is no whole id, and nobody knows a task whose id begins so \(.*--kwargs.*\)\n$/);
    expect((await ctq(['inspect', 'revoked'])).stdout).not.toContain('00000000');
  });

  it('keeps a revoked task from running, and its result says so', async () => {
    expect((await ctq(['control', 'revoke', 'never-1', 'never-2', '-d', 'w1@test'])).stdout).toBe(
      "w1@test\ttasks {'never-1', 'never-2'} flagged as revoked\n",
    );
    await ctq(['control', 'revoke', 'never-1']);
    const error = await apps[0]?.sendTask('tasks.add', [1, 1], { taskId: 'never-1' }).get({ timeout: 30, propagate: false });
    expect(error).toMatchObject({ state: 'REVOKED' });
    const { stdout } = await ctq(['inspect', 'revoked', '-d', 'w2@test']);
    expect(stdout).toContain('w2@test\tnever-1\n');
    expect(stdout).not.toContain('never-2');
  });

  it('tells a task that runs: one that stops for that is revoked', async () => {
    const handle = (apps[0] as Ctq).sendTask('tasks.wait', [], { taskId: 'revoked-at-work' });
    await expect.poll(async () => (await ctq(['inspect', 'active'])).stdout).toContain('revoked-at-work');
    await ctq(['control', 'revoke', 'revoked-at-work']);
    await expect(handle.get({ timeout: 30 })).rejects.toMatchObject({ state: 'REVOKED' });
  });

  it('revokes by handle from the library', async () => {
    await apps[0]?.AsyncResult('by-handle').revoke();
    await expect.poll(async () => (await ctq(['inspect', 'revoked', '-d', 'w2@test'])).stdout).toContain('by-handle');
  });

  it('says of a task that nobody runs what a terminate did all the same', async () => {
    const { code, stdout, stderr } = await ctq(['control', 'terminate', 'SIGTERM', randomUUID(), '-d', 'w1@test']);
    expect([code, stdout]).toEqual([0, 'w1@test\tterminate: tasks unknown\n']);
    expect(stderr).toBe('ctq: note: it runs in no worker that answered; where it waits it is revoked, and will not begin\n');
  });

  it('tells workers to stop, and says which', async () => {
    const worker = await startWorker('w3@test');
    expect((await ctq(['control', 'shutdown', '-d', 'w3@test'])).stdout).toBe('w3@test\ttold to stop\n');
    await expect.poll(() => worker.state).toBe('stopped');
    expect((await ctq(['inspect', 'ping'])).stdout).not.toContain('w3@test');
    const guarded = await startWorker('w4@test', { controlAllow: ['@inspect'] });
    const refused = await ctq(['control', 'shutdown', '-d', 'w4@test']);
    expect([refused.code, refused.stdout]).toEqual([
      1,
      expect.stringMatching(/^w4@test\terror: PermissionError\('shutdown is not allowed/),
    ]);
    expect(guarded.state).toBe('consuming');
    await guarded.stop('cold');
  });
});

describe('with nobody there', () => {
  const empty = `memory://${randomUUID()}`;

  it.each([
    [['inspect', 'ping'], `no worker is listening at ${empty} (ctq worker -A <app> starts one)`],
    [['status'], `no worker is listening at ${empty}`],
    [['control', 'shutdown'], `no worker is listening at ${empty}`],
    [['control', 'revoke', 'x'], `no worker is listening at ${empty} (the revoke is kept for a day`],
  ])('%j exits 69 at once, and says in one line why', async (argv, says) => {
    const started = performance.now();
    const { code, stdout, stderr } = await ctq([...argv, '-t', '60'], {}, empty);
    expect([code, stdout]).toEqual([69, '']);
    expect(stderr).toContain(`ctq: ${says}`);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('names the nodes that did not answer', async () => {
    const { code, stderr } = await ctq(['inspect', 'ping', '-d', 'gone@test', '-t', '0.1']);
    expect([code, stderr]).toEqual([69, 'ctq: no answer from gone@test within 0.1 s (ctq status lists the nodes that are up)\n']);
    expect((await ctq(['inspect', 'ping', '-d', 'w1', '-t', '0.1'])).stderr).toContain('(a node is named w1@host; ctq status lists those');
  });
});

describe('ctq status', () => {
  it('prints one line a worker', async () => {
    const { stdout } = await ctq(['status']);
    expect(stdout).toMatch(/^w1@test\tonline\tasync\t5\t\d+\t\d\d:\d\d:\d\d\nw2@test\tonline\tasync\t5\t\d+\t\d\d:\d\d:\d\d\n$/);
  });

  it('prints them as one document', async () => {
    const nodes = JSON.parse((await ctq(['status', '--json'])).stdout) as Record<string, unknown>[];
    expect(nodes.map(({ node, status, pool, concurrency, pid }) => [node, status, pool, concurrency, pid])).toEqual([
      ['w1@test', 'online', 'async', 5, process.pid],
      ['w2@test', 'online', 'async', 5, process.pid],
    ]);
  });
});

describe('ctq events', () => {
  it('prints events as they happen, with the names of tasks, until it has enough', async () => {
    const listeners = await eventListeners();
    const { context, code } = follow(['--enable', '--task', 'tasks.add', '--limit', '3']);
    await expect.poll(eventListeners).toBe(listeners + 1);
    await expect.poll(async () => (await ctq(['control', 'enable_events', '-d', 'w1@test,w2@test'])).stdout).toContain('already enabled');
    await apps[0]?.sendTask('tasks.boom', []).get({ timeout: 30, propagate: false });
    await apps[0]?.sendTask('tasks.add', [3, 4], { taskId: 'told' }).get({ timeout: 30 });
    expect(await code).toBe(0);
    const rows = context.stdout.text
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows.map(([, type, node, id, task, details]) => [type, node, id, task, details?.replace(/runtime=\S+/, 'runtime=')])).toEqual([
      ['task-received', expect.stringMatching(/^w\d@test$/), 'told', 'tasks.add', 'args=(3, 4) kwargs={} retries=0'],
      ['task-started', expect.any(String), 'told', 'tasks.add', ''],
      ['task-succeeded', expect.any(String), 'told', 'tasks.add', 'result=7 runtime='],
    ]);
  });

  it.each([
    [[], 'workers that were started without -E send none: --enable tells them to\n'],
    [['--type', 'worker-*'], ''],
  ])('says of %j after a while, when no event of a task has come, that workers may have to be told', async (argv, says) => {
    const clock = new FakeClock();
    const context = { ...fakeContext({ cwd: folder }), clock };
    const listeners = await eventListeners();
    const code = main(['-b', url, 'events', ...argv], context);
    await expect.poll(eventListeners).toBe(listeners + 1);
    await expect.poll(() => clock.pendingTimers > 0 || says === '').toBe(true);
    await clock.advance(10_000);
    expect(context.stderr.text).toContain(says);
    if (says === '') expect(context.stderr.text).toBe('');
    context.signal('SIGINT');
    expect(await code).toBe(130);
  });

  it('prints one JSON document a line, and filters by type and node', async () => {
    const { context, code } = follow(['--json', '--type', 'worker-*', '--worker', 'w2@*', '--limit', '2']);
    await expect
      .poll(async () => {
        await ctq(['control', 'heartbeat']);
        return context.stdout.text.trim().split('\n').length;
      })
      .toBe(2);
    expect(await code).toBe(0);
    for (const line of context.stdout.text.trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({
        type: 'worker-heartbeat',
        hostname: 'w2@test',
        freq: expect.any(Number),
        clock: expect.any(Number),
      });
    }
  });

  it('says of a type that no worker sends which may be meant', async () => {
    const { context, code } = follow(['--type', 'task-succeded,my-own,task-*', '--enable']);
    await expect.poll(() => context.stderr.text).toContain('my-own');
    context.signal('SIGINT');
    expect(await code).toBe(130);
    const [slip, own, ...others] = context.stderr.text.trim().split('\n');
    expect(slip).toBe('ctq: note: "task-succeded" is none of the events that workers send (did you mean task-succeeded?)');
    expect(own).toMatch(/^ctq: note: "my-own" is none of the events that workers send \(they are worker-online, /);
    expect(others).toEqual([]);
  });

  it('dumps in Celery’s form', async () => {
    const { context, code } = follow(['--dump', '--type', 'task-*', '--limit', '3']);
    await context.stdout.waitFor(/starting capture/);
    await expect
      .poll(async () => {
        await apps[0]?.sendTask('tasks.add', [3, 4], { taskId: 'dumped' }).get({ timeout: 30 });
        return context.stdout.text.split('\n').length;
      })
      .toBeGreaterThanOrEqual(4);
    expect(await code).toBe(0);
    const [first, received, started, succeeded] = context.stdout.text.split('\n');
    expect(first).toBe('-> evdump: starting capture...');
    const task = String.raw`tasks\.add\(dumped\) args=\(3, 4\) kwargs=\{\}`;
    const time = String.raw`\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?\]`;
    expect(received).toMatch(
      new RegExp(
        `^w\\d@test ${time} task received: ${task} clock=\\d+, eta=None, expires=None, local_received=[\\d.]+, parent_id=None, pid=\\d+, retries=0, root_id=dumped, utcoffset=-?\\d+$`,
      ),
    );
    expect(started).toMatch(new RegExp(`^w\\d@test ${time} task started: ${task} clock=\\d+, local_received=`));
    expect(succeeded).toMatch(
      new RegExp(`^w\\d@test ${time} task succeeded: ${task} clock=\\d+, local_received=[\\d.]+, pid=\\d+, result=7, runtime=`),
    );
  });

  it('ends with the signal that it gets', async () => {
    const { context, code } = follow(['--dump']);
    await context.stdout.waitFor(/starting capture/);
    expect(context.signal('SIGINT')).toBe(true);
    expect(await code).toBe(130);
  });
});
