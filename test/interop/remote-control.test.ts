/**
 * Celery's own tools against a ctq worker, and ours against Python's, in one cluster of both: every
 * inspect and control method, held against what a Python worker beside it answers to the same request.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { runCelery } from '../support/celery-cli.js';
import { runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const BOTH = 'py@test,ctq1@test';

/** Names, nesting and kinds of value; what they are is gone. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
  return value === null ? 'null' : typeof value;
}

describeWith(['redis', 'python'], 'remote control between Celery and ctq', () => {
  const redis = forSuite(startRedis);
  let python: CeleryWorker;
  let ctq1: OwnedProcess;
  let ctq2: OwnedProcess;
  let app: Ctq;
  const cwd = tmpFolder();

  /** Celery's command lines, and what both kinds of worker said to each. */
  async function askEach(commands: readonly (readonly string[])[]): Promise<{ argv: string; py: unknown; ctq: unknown }[]> {
    const runs = await runCelery(
      commands.map((argv) => [...argv, '-j', '-d', BOTH, '-t', '20']),
      { broker: redis().url },
    );
    return runs.map((run, index) => {
      expect(run, run.stderr).toMatchObject({ code: 0 });
      // An infinite setting is a bare word in Python's JSON.
      const answer = JSON.parse(run.stdout.replaceAll(': Infinity', ': null')) as Record<string, unknown> | Record<string, unknown>[];
      const byNode = (Array.isArray(answer) ? Object.assign({}, ...answer) : answer) as Record<string, unknown>;
      expect(Object.keys(byNode).sort()).toEqual(['ctq1@test', 'py@test']);
      return { argv: commands[index]?.join(' ') ?? '', py: byNode['py@test'], ctq: byNode['ctq1@test'] };
    });
  }

  /** A worker that starts waits a second for the others to answer: on a machine that stood still meanwhile they miss one another. */
  async function meeting<Worker extends CeleryWorker | OwnedProcess>(others: number, start: () => Promise<Worker>): Promise<Worker> {
    for (let attempt = 0; ; attempt += 1) {
      const worker = await start();
      if (attempt === 2 || worker.output.includes(`mingle: sync with ${others} nodes`)) return worker;
      await worker.kill();
    }
  }

  async function ask(...argv: string[]): Promise<{ py: unknown; ctq: unknown }> {
    const [answer] = await askEach([argv]);
    return { py: answer?.py, ctq: answer?.ctq };
  }

  beforeAll(async () => {
    const broker = redis().url;
    const args = ['--prefetch-multiplier', '4'];
    ctq1 = await startCtqWorker({ broker, hostname: 'ctq1@test', queues: ['ctq'], concurrency: 1, args });
    app = new Ctq('client', { brokerUrl: broker, resultBackend: broker });
    // Known before the Python worker starts, so it learns of it by mingling.
    await app.control.revoke('revoked-before', { reply: true });
    python = await meeting(1, () => startCeleryWorker({ broker, backend: broker, hostname: 'py@test', queues: ['py'], args }));
    await runPython(`app.control.revoke('revoked-in-python', reply=True, timeout=20, destination=['py@test'])`, { broker });
    ctq2 = await meeting(2, () => startCtqWorker({ broker, hostname: 'ctq2@test', queues: ['ctq2'] }));
  }, 120_000);

  afterAll(async () => {
    await app?.close();
    await python?.stop();
    await Promise.all([ctq1, ctq2].map((worker) => worker?.stop('SIGTERM')));
  });

  it('tells workers that start what was revoked before, both ways', async () => {
    const { 'py@test': py, 'ctq2@test': ctq } = await app.control.inspect({ timeout: 20 }).revoked();
    expect(py).toContain('revoked-before');
    expect(ctq).toEqual(expect.arrayContaining(['revoked-before', 'revoked-in-python']));
    expect(python.output).toContain('mingle: sync with 1 nodes');
    expect(ctq2.output).toContain('mingle: sync with 2 nodes');
  });

  it('answers both tools with three replies', async () => {
    const nodes = ['ctq1@test', 'ctq2@test', 'py@test'];
    const pong = Object.fromEntries(nodes.map((node) => [node, { ok: 'pong' }]));
    // Celery waits a second for the next answer, and somebody may be late.
    await eventually(async () => {
      const [ping, status] = await runCelery([['inspect', 'ping', '-j'], ['status']], { broker: redis().url });
      expect(JSON.parse(ping?.stdout ?? '')).toEqual(pong);
      expect(status?.stdout).toContain('3 nodes online.');
    });
    const ours = await runCtq(['inspect', 'ping', '-b', redis().url, '--json', '-t', '20'], { cwd });
    expect(JSON.parse(ours.stdout)).toEqual(pong);
    const lines = (await runCtq(['status', '-b', redis().url, '-t', '20'], { cwd })).stdout.trim().split('\n');
    expect(lines.map((line) => line.split('\t').slice(0, 3))).toEqual([
      ['ctq1@test', 'online', 'async'],
      ['ctq2@test', 'online', 'async'],
      // 5.2 does not say which pool it has.
      ['py@test', 'online', expect.any(String)],
    ]);
  });

  it('shows tasks in every stage as a Python worker does', { timeout: 120_000 }, async () => {
    const ids: string[] = [];
    for (const queue of ['py', 'ctq']) {
      const sent = [
        // Until it is ended below.
        app.sendTask('tasks.sleep', [600], { queue, taskId: `${queue}-active` }),
        app.sendTask('tasks.echo', [1, 'two'], { queue, taskId: `${queue}-reserved`, kwargs: { k: [1] } }),
        app.sendTask('tasks.echo', [3], { queue, taskId: `${queue}-scheduled`, countdown: 3600 }),
      ];
      for (const one of sent) ids.push((await one).id);
    }
    await eventually(async () => {
      const { py, ctq } = await ask('inspect', 'active');
      expect([py, ctq]).toEqual([[expect.objectContaining({ id: 'py-active' })], [expect.objectContaining({ id: 'ctq-active' })]]);
    });
    for (const method of ['active', 'reserved', 'scheduled']) {
      const { py, ctq } = (await ask('inspect', method)) as { py: unknown[]; ctq: unknown[] };
      expect([method, py.length, ctq.length]).toEqual([method, 1, 1]);
      // 5.2 says null where it means false.
      expect(shapeOf(JSON.parse(JSON.stringify(ctq).replace('"redelivered":false', '"redelivered":null')))).toEqual(shapeOf(py));
    }
    const found = await ask('inspect', 'query_task', ...ids);
    expect(Object.keys(found.ctq as object).sort()).toEqual(['ctq-active', 'ctq-reserved']);
    expect((found.ctq as Record<string, unknown[]>)['ctq-active']?.[0]).toBe('active');
    expect(Object.keys(found.py as object).sort()).toEqual(['py-active', 'py-reserved']);
    for (const queue of ['py', 'ctq']) {
      await app.control.terminate(`${queue}-active`);
      expect(await app.AsyncResult(`${queue}-active`).get({ timeout: 30, propagate: false })).toMatchObject({ state: 'REVOKED' });
      await app.AsyncResult(`${queue}-reserved`).get({ timeout: 30 });
    }
  });

  it('answers the other questions in the same shapes', async () => {
    const [ping, stats, queues, conf, all, ...others] = await askEach([
      ['inspect', 'ping'],
      ['inspect', 'stats'],
      ['inspect', 'active_queues'],
      ['inspect', 'conf'],
      ['inspect', 'conf', 'true'],
      ['inspect', 'revoked'],
      ['inspect', 'registered'],
      ['inspect', 'registered', 'max_retries'],
      ['inspect', 'clock'],
      ['inspect', 'report'],
    ]);
    expect(ping?.ctq).toEqual(ping?.py);
    const figures = stats as { py: Record<string, object>; ctq: Record<string, object> };
    expect(Object.keys(figures.ctq).sort()).toEqual(Object.keys(figures.py).sort());
    expect(shapeOf(figures.ctq['rusage'])).toEqual(shapeOf(figures.py['rusage']));
    expect(figures.ctq['broker']).toMatchObject({ ...figures.py['broker'], heartbeat: expect.any(Number) as number });
    expect(figures.ctq['total']).toMatchObject({ 'tasks.sleep': 1 });
    expect(shapeOf(queues?.ctq)).toEqual(shapeOf(queues?.py));
    for (const { py, ctq } of others) expect(shapeOf(ctq)).toEqual(shapeOf(py));
    expect(conf?.ctq).toMatchObject({ broker_url: redis().url });
    expect(
      Object.keys(all?.py as object).filter(
        (name) => /^(task|worker|event|control|result)_/.test(name) && !Object.hasOwn(all?.ctq as object, name),
      ),
    ).toEqual([]);
    const only = ['-j', '-d', 'ctq1@test'];
    const own = await runCelery(
      [
        ['inspect', 'memdump', ...only],
        ['inspect', 'memsample', ...only],
        ['inspect', 'objgraph', ...only],
      ],
      {
        broker: redis().url,
      },
    );
    expect(own.map(({ stdout }) => (JSON.parse(stdout) as Record<string, unknown>)['ctq1@test'])).toEqual([
      expect.stringMatching(/^- rss \(end\): \S+\.\n$/),
      expect.stringMatching(/^[\d.]+MB$/),
      expect.objectContaining({ heap: expect.any(Object) as object }),
    ]);
  });

  it('tells of workers that share a name, for an object by name holds one of them', async () => {
    const twin = await startCtqWorker({ broker: redis().url, hostname: 'ctq1@test', queues: ['twin'] });
    const { code, stdout, stderr } = await runCtq(['inspect', 'ping', '-b', redis().url, '-t', '20'], { cwd });
    await twin.stop('SIGTERM');
    expect([code, stdout.match(/ctq1@test\tpong/g)]).toEqual([0, ['ctq1@test\tpong', 'ctq1@test\tpong']]);
    expect(stderr).toBe('ctq: note: several workers answer to ctq1@test: each needs a name of its own, --hostname\n');
  });

  it('obeys every control command with the same answers', async () => {
    const answers = await askEach(
      [
        ['rate_limit', 'tasks.add', '10/m'],
        ['rate_limit', 'tasks.nope', '1/s'],
        ['rate_limit', 'tasks.add', '5/x'],
        ['time_limit', 'tasks.add', '60', '120'],
        ['time_limit', 'tasks.nope', '60', '120'],
        ['add_consumer', 'extra'],
        ['cancel_consumer', 'extra'],
        ['cancel_consumer', 'never'],
        ['pool_grow', '1'],
        ['pool_shrink', '1'],
        ['autoscale', '5', '2'],
        ['pool_restart'],
        ['enable_events'],
        ['enable_events'],
        ['disable_events'],
        ['disable_events'],
        ['heartbeat'],
        ['terminate', 'SIGTERM', 'nobody-runs-this'],
      ].map((argv) => ['control'].concat(argv)),
    );
    expect(answers.map(({ argv, ctq }) => [argv, ctq])).toEqual(answers.map(({ argv, py }) => [argv, py]));
    const revoke = await ask('control', 'revoke', 'a-task');
    expect(revoke.ctq).toEqual({ ok: expect.stringMatching(/^tasks .*a-task.* flagged as revoked$/) });
    expect(revoke.py).toEqual({ ok: expect.stringMatching(/^tasks .*a-task.* flagged as revoked$/) });
    await ctq1.waitForOutput(/New rate limit for tasks of type tasks\.add: 10\/m\./);
    await app.control.rateLimit('tasks.add', 0, { reply: true });
    await app.control.timeLimit('tasks.add', {}, { reply: true });
  });

  it('lets ctq control obey in Python, with the same answers again', async () => {
    const tell = async (...argv: string[]): Promise<string> =>
      (await runCtq(['control', ...argv, '-b', redis().url, '-d', BOTH, '-t', '20'], { cwd })).stdout;
    expect(await tell('enable_events')).toBe('ctq1@test\ttask events enabled\npy@test\ttask events enabled\n');
    expect(await tell('pool_grow')).toBe('ctq1@test\tpool will grow\npy@test\tpool will grow\n');
    expect(await tell('add_consumer', 'more')).toBe('ctq1@test\tadd consumer more\npy@test\tadd consumer more\n');
    // Python answers before it has done so.
    await eventually(async () => {
      const queues = (await runCtq(['inspect', 'active_queues', '-b', redis().url, '-d', BOTH, '-t', '20'], { cwd })).stdout;
      expect(queues).toContain('py@test\tmore\tmore\tdirect\tmore\tyes\tno\n');
    });
    expect(await tell('cancel_consumer', 'more')).toContain('no longer consuming from more');
    expect(await tell('pool_shrink')).toBe('ctq1@test\tpool will shrink\npy@test\tpool will shrink\n');
  });

  it('ends a running task that a Python client terminates', async () => {
    await app.sendTask('tasks.sleep', [600], { queue: 'ctq', taskId: 'endless' });
    await eventually(async () => expect(JSON.stringify(await ask('inspect', 'active'))).toContain('endless'));
    await runPython(`app.control.revoke('endless', terminate=True)`, { broker: redis().url });
    expect(await app.AsyncResult('endless').get({ timeout: 30, propagate: false })).toMatchObject({ state: 'REVOKED' });
    await ctq1.waitForOutput(/Terminating endless \(15\)/);
  });

  it('does not run what a Python client revoked', async () => {
    await runPython(`app.control.revoke('not-this', reply=True, timeout=20, destination=['ctq1@test'])`, { broker: redis().url });
    await app.sendTask('tasks.add', [1, 1], { queue: 'ctq', taskId: 'not-this' });
    await ctq1.waitForOutput(/Discarding revoked task: tasks\.add\[not-this\]/);
    expect(await app.AsyncResult('not-this').get({ timeout: 30, propagate: false })).toMatchObject({ state: 'REVOKED' });
  });

  it('remembers a revoke that no worker of ours heard', async () => {
    await app.control.revoke('before-birth');
    const late = await startCtqWorker({ broker: redis().url, hostname: 'late@test', queues: ['late'], args: ['--without-mingle'] });
    await eventually(async () =>
      expect(await app.control.inspect({ destination: ['late@test'], timeout: 20 }).revoked()).toEqual({
        'late@test': expect.arrayContaining(['before-birth', 'a-task']),
      }),
    );
    await late.stop('SIGTERM');
  });

  it('is told of the task events of both', async () => {
    await app.control.enableEvents({ reply: true, destination: BOTH.split(','), timeout: 20 });
    const patterns = Number(await redis().command('PUBSUB', 'NUMPAT'));
    const seen = runPython(
      `
      import time
      heard, deadline = [], time.time() + 40
      def note(event):
          if event['type'].startswith('task-'):
              heard.append([event['hostname'], event['type'], event['uuid']])
          ended = [e for e in heard if e[1] == 'task-succeeded' and e[2].endswith('-told')]
          if len(ended) >= 2 or time.time() > deadline:
              receiver.should_stop = True
      with app.connection_for_read() as connection:
          receiver = app.events.Receiver(connection, handlers={'*': note})
          receiver.capture(limit=None, timeout=40, wakeup=True)
      result = heard
      `,
      { broker: redis().url, backend: redis().url },
    );
    // The monitor's pattern is one that nobody had before.
    await eventually(async () => expect(Number(await redis().command('PUBSUB', 'NUMPAT'))).toBeGreaterThan(patterns));
    for (const queue of ['py', 'ctq']) await app.sendTask('tasks.add', [1, 2], { queue, taskId: `${queue}-told` }).get({ timeout: 30 });
    const heard = (await seen) as string[][];
    for (const [node, id] of [
      ['py@test', 'py-told'],
      ['ctq1@test', 'ctq-told'],
    ]) {
      expect(heard.filter(([, , uuid]) => uuid === id)).toEqual([
        [node, 'task-received', id],
        [node, 'task-started', id],
        [node, 'task-succeeded', id],
      ]);
    }
  });

  it('holds an election with everybody in it, and the one that wins acts', async () => {
    let elections = 0;
    // Everybody has to hear everybody: where a heartbeat is late somebody counts for dead, and the next election is as good.
    await eventually(
      async () => {
        elections += 1;
        const [id, taskId] = [`el-${elections}-`, `by-election-${elections}`];
        const options = { task_id: taskId, queue: 'ctq2' };
        const action = { task: 'tasks.ident', args: ['elected'], kwargs: {}, options, subtask_type: null, immutable: false };
        await app.control.broadcast('election', { id, topic: 'task', action });
        expect(await app.AsyncResult(taskId).get({ timeout: 10 })).toBe('elected');
        await eventually(
          () => {
            const said = [python.output, ctq1.output, ctq2.output].join('');
            expect(said.match(new RegExp(`I won the election '?${id}`, 'g'))).toHaveLength(1);
            expect(said.match(new RegExp(`node \\S+ elected for '?${id}`, 'g'))).toHaveLength(2);
          },
          { timeoutMs: 5_000 },
        );
      },
      { timeoutMs: 45_000 },
    );
  });

  it('stops the ctq worker that Celery’s control shuts down, and no other', async () => {
    await runCelery([['control', 'shutdown', '-d', 'ctq2@test', '-t', '0.5']], { broker: redis().url });
    expect(await ctq2.waitForExit(30_000)).toEqual({ code: 0, signal: null });
    expect(ctq2.output).toContain('Got shutdown from remote');
    expect(Object.keys(await app.control.ping({ timeout: 20 })).sort()).toEqual(['ctq1@test', 'py@test']);
  });

  it('has left no error of ours in the Python worker’s log', () => {
    const errors = python.output.split('\n').filter((line) => /(ERROR|CRITICAL)\//.test(line));
    // Those that were asked for: wrong rate limits, autoscale and restart where they are off, a task that was ended.
    expect(
      errors.filter(
        (line) =>
          !/pidbox command error: (KeyError\('x'\)|ValueError\('(Autoscale|Pool restarts) not enabled'\))|attempt for unknown task|Terminated\(15\)/.test(
            line,
          ),
      ),
    ).toEqual([]);
  });
});
