/** RabbitMQ between Celery and ctq: the main job both ways, canvases, remote control and events, on one virtual host each. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type AnyResult, Ctq } from '../../src/index.js';
import {
  type Canvas,
  immutable,
  inChain,
  inChord,
  inGroup,
  PYTHON_PRELUDE,
  task,
  toCtq,
  toPython,
  withOptions,
} from '../support/canvas-cases.js';
import { runCelery } from '../support/celery-cli.js';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { sharedRabbit } from '../support/shared-rabbit.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const CANVASES: Readonly<Record<string, readonly [Canvas, unknown]>> = {
  'a chain': [inChain(task('add', 1, 2), task('add', 10), task('mul', 2)), 26],
  'a group': [inGroup(task('add', 1, 1), task('mul', 3, 4)), [2, 12]],
  'a chord': [inChord([task('add', 1, 1), task('add', 2, 2), task('mul', 3, 3)], task('xsum')), 15],
  'a chord in a chain': [inChain(task('add', 1, 1), inChord([task('add', 1), task('add', 2)], task('xsum')), task('mul', 10)), 70],
  'a chord in a group': [inGroup(inChord([task('add', 1, 1), task('add', 2, 2)], task('xsum')), task('add', 1, 2)), [6, 3]],
  'a group in the middle of a chain': [inChain(task('add', 1, 2), inGroup(task('add', 10), task('mul', 10)), task('xsum')), 43],
  'a countdown inside a header': [inChord([withOptions(task('add', 1, 1), { countdown: 1 }), task('add', 2, 2)], task('xsum')), 6],
  'a task replaced by a chord': [task('replace_by', inChord([task('add', 1, 1), task('add', 2, 2)], task('xsum'))), 6],
  'an immutable link': [inChain(task('add', 1, 1), immutable('gather', 'alone')), ['alone']],
};

describeWith(['rabbitmq', 'redis', 'python'], 'Celery and ctq on RabbitMQ', () => {
  const cwd = tmpFolder();
  const marks = tmpFolder();

  const env = { CTQ_TEST_MARKS: marks };
  const rabbit = forSuite(async () => {
    const node = await sharedRabbit();
    return { url: await node.freshVhost(), stop: async () => {} };
  });
  const redis = forSuite(startRedis);
  const places = () => ({ broker: rabbit().url, backend: redis().url });
  // Each declares queues that the other has declared before: `py` and `celery` by Celery, `ctq` by ctq.
  const python = forSuite(() =>
    startCeleryWorker({ ...places(), hostname: 'py@test', queues: ['py', 'both', 'celery'], env, args: ['-E'] }),
  );
  const ctq = forSuite(() => startCtqWorker({ ...places(), hostname: 'ctq@test', queues: ['ctq', 'both', 'celery'], env, args: ['-E'] }));
  const app = forSuite(() => new Ctq('client', { brokerUrl: rabbit().url, resultBackend: redis().url }));

  const snippet = (text: string): Promise<unknown> => runPython(text, places());
  const runs = (name: string): number => readdirSync(marks).filter((file) => file.startsWith(`${name}.begin.`)).length;

  it('lets a Python client call a ctq worker', async () => {
    expect(
      await snippet(`
        from celery.exceptions import TaskRevokedError
        q = dict(queue="ctq")
        fails = fail.apply_async(("no",), **q)
        try:
            fails.get(timeout=30)
        except Exception as error:
            failed = [type(error).__name__, str(error)]
        import time
        began = time.time()
        late = add.apply_async((1, 1), countdown=3.2, **q).get(timeout=30)
        result = [add.apply_async((3, 4), **q).get(timeout=30), echo.apply_async((1, "two", None), {"key": [True]}, **q).get(timeout=30),
                  retry_me.apply_async((2, 0.1), **q).get(timeout=30), failed, late, time.time() - began >= 3.2,
                  add.apply_async((5, 6), headers={"ms": 1732176000123, "deep": {"l": [2**40, -2**33]}}, priority=7, **q).get(timeout=30)]
      `),
    ).toEqual([7, { args: [1, 'two', null], kwargs: { key: [true] } }, expect.anything(), ['ValueError', 'no'], 2, true, 11]);
  });

  it('lets a ctq client call a Python worker', async () => {
    const send = (name: string, args: unknown[], options: object = {}) =>
      app()
        .sendTask(`tasks.${name}`, args, { queue: 'py', ...options })
        .get({ timeout: 30 });
    expect(await send('add', [3, 4])).toBe(7);
    expect(await send('echo', [1, 'two', null], { kwargs: { key: [true] } })).toEqual({ args: [1, 'two', null], kwargs: { key: [true] } });
    expect(await send('add', [5, 6], { headers: { ms: 1_732_176_000_123, half: 0.5, none: null }, priority: 7 })).toBe(11);
    const began = Date.now();
    expect(await send('add', [1, 1], { countdown: 1.5 })).toBe(2);
    expect(Date.now() - began).toBeGreaterThanOrEqual(1_450);
    await expect(send('fail', ['no'])).rejects.toThrow('no');
  });

  it('shares a queue between both, and every task runs once', async () => {
    const names: string[] = [];
    await eventually(async () => {
      const more = Array.from({ length: 30 }, (_, index) => `both-${names.length + index}`);
      names.push(...more);
      const sent = more.map((name) => app().sendTask('tasks.marked', [name, 0.05], { queue: 'both' }));
      await Promise.all(sent.map((one) => one.get({ timeout: 30 })));
      expect(python().output).toContain('Task tasks.marked');
      expect(ctq().output).toContain('Task tasks.marked');
    });
    expect(names.filter((name) => runs(name) !== 1)).toEqual([]);
  });

  it('runs the same canvases from both clients, by whichever worker comes first', { timeout: 60_000 }, async () => {
    const wanted = Object.fromEntries(Object.entries(CANVASES).map(([name, [, value]]) => [name, value]));
    const ours = Object.entries(CANVASES).map(async ([name, [canvas]]) => {
      const result = (await toCtq(app(), canvas).applyAsync()) as AnyResult;
      return [name, await result.get({ timeout: 30 })] as const;
    });
    expect(Object.fromEntries(await Promise.all(ours))).toEqual(wanted);
    const list = Object.entries(CANVASES).map(([name, [canvas]]) => `${JSON.stringify(name)}: ${toPython(canvas)}`);
    expect(
      await snippet(PYTHON_PRELUDE + `result = {name: c.apply_async().get(timeout=30) for name, c in {${list.join(', ')}}.items()}`),
    ).toEqual(wanted);
  });

  it('answers both tools of remote control', { timeout: 60_000 }, async () => {
    const both = { 'ctq@test': { ok: 'pong' }, 'py@test': { ok: 'pong' } };
    const named = ['-j', '-d', 'ctq@test,py@test', '-t', '20'];
    const [ping, queues] = await runCelery(
      [
        ['inspect', 'ping', ...named],
        ['inspect', 'active_queues', ...named],
      ],
      { broker: rabbit().url },
    );
    expect(JSON.parse(ping?.stdout ?? '')).toEqual(both);
    const byNode = JSON.parse(queues?.stdout ?? '') as Record<string, { name: string }[]>;
    expect(Object.entries(byNode).map(([node, list]) => [node, list.map(({ name }) => name).sort()])).toEqual(
      expect.arrayContaining([
        ['ctq@test', ['both', 'celery', 'ctq']],
        ['py@test', ['both', 'celery', 'py']],
      ]),
    );
    // Where nobody is named, nobody knows how many will answer: the time decides, and somebody may be late.
    await eventually(async () => {
      const [status] = await runCelery([['status', '-t', '1.5']], { broker: rabbit().url });
      expect(status?.stdout).toContain('2 nodes online.');
    });
    await eventually(async () => {
      const ours = await runCtq(['inspect', 'ping', '-b', rabbit().url, '--json', '-t', '1'], { cwd });
      expect(ours, ours.stderr).toMatchObject({ code: 0 });
      expect(JSON.parse(ours.stdout)).toEqual(both);
    });
    const added = await runCtq(['control', 'add_consumer', 'later', '-b', rabbit().url, '-d', 'ctq@test,py@test', '-t', '20'], { cwd });
    expect(added, added.stderr).toMatchObject({ code: 0 });
    expect(await app().sendTask('tasks.add', [1, 2], { queue: 'later' }).get({ timeout: 30 })).toBe(3);
  });

  it('revokes on both, from both', { timeout: 60_000 }, async () => {
    const eta = 3600;
    const ids = ['from-ctq', 'from-python'];
    for (const id of ids)
      for (const queue of ['py', 'ctq']) await app().sendTask('tasks.marked', [id], { queue, taskId: `${id}-${queue}`, countdown: eta });
    const asked = { destination: ['ctq@test', 'py@test'], timeout: 20 };
    await app().control.revoke(['from-ctq-py', 'from-ctq-ctq'], { ...asked, reply: true });
    await snippet(`app.control.revoke(["from-python-py", "from-python-ctq"], reply=True, timeout=20, limit=2)`);
    const revoked = await app().control.inspect(asked).revoked();
    for (const node of ['py@test', 'ctq@test']) {
      expect(revoked[node]).toEqual(expect.arrayContaining(['from-ctq-py', 'from-ctq-ctq', 'from-python-py', 'from-python-ctq']));
    }
  });

  it('carries results back as messages, both ways', { timeout: 60_000 }, async () => {
    const broker = rabbit().url;
    const [theirs, ours] = await Promise.all([
      startCeleryWorker({ broker, backend: 'rpc://', hostname: 'pyrpc@test', queues: ['pyrpc'], env }),
      startCtqWorker({ broker, hostname: 'ctqrpc@test', queues: ['ctqrpc'], env }),
    ]);
    const client = new Ctq('rpc', { brokerUrl: broker });
    for (const queue of ['pyrpc', 'ctqrpc']) {
      expect(await client.sendTask('tasks.add', [3, 4], { queue }).get({ timeout: 30 })).toBe(7);
      await expect(client.sendTask('tasks.fail', ['no'], { queue }).get({ timeout: 30 })).rejects.toThrow('no');
      expect(
        await runPython(`result = [add.apply_async((i, i), queue="${queue}").get(timeout=30) for i in range(3)]`, {
          broker,
          backend: 'rpc://',
        }),
      ).toEqual([0, 2, 4]);
    }
    const waited = await runCtq(['send', 'tasks.add', '3', '4', '--queue', 'ctqrpc', '--wait', '-b', rabbit().url], { cwd });
    expect(waited).toMatchObject({ code: 0, stdout: '7\n' });
    await client.close();
    await Promise.all([theirs.stop(), ours.stop('SIGTERM')]);
  });

  it('sends events that either side can read', { timeout: 60_000 }, async () => {
    const ears = startCtq(['events', '-b', rabbit().url, '--json'], { cwd });
    const heard = snippet(`
      import threading, time
      seen = set()
      def saw(event):
          seen.add(event["hostname"])
          receiver.should_stop = len(seen) == 2
      def send():
          while not receiver.should_stop:
              for queue in ("py", "ctq"): add.apply_async((1, 1), queue=queue)
              time.sleep(0.5)
      with app.connection() as connection:
          receiver = app.events.Receiver(connection, handlers={"task-succeeded": saw})
          threading.Thread(target=send).start()
          receiver.capture(limit=None, timeout=40, wakeup=False)
      result = sorted(seen)
    `);
    expect(await heard).toEqual(['ctq@test', 'py@test']);
    for (const node of ['py@test', 'ctq@test'])
      await ears.waitForOutput(new RegExp(`"hostname":"${node}"[^\\n]*"type":"worker-heartbeat"`));
    await ears.stop('SIGINT');
  });
});
