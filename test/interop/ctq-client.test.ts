/** ctq calls, Python works: `ctq send` and the library against a real Celery worker. */
import { expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { type CtqEnding, runCtq } from '../support/ctq-process.js';
import { forSuite } from '../support/for-suite.js';
import { startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

describeWith(['redis', 'python'], 'ctq calling a Python worker', () => {
  const cwd = tmpFolder();

  const redis = forSuite(startRedis);
  forSuite(() => startCeleryWorker({ broker: redis().url, backend: redis().url, queues: ['celery', 'other'] }));
  const app = forSuite(() => new Ctq('client', { brokerUrl: redis().url, resultBackend: redis().url }));

  const send = (...argv: string[]): Promise<CtqEnding> => runCtq(['send', '-b', redis().url, ...argv], { cwd });

  it('prints the value of what Python computed', async () => {
    const sent = await send('tasks.add', '3', '4', '--wait', '--timeout', '25');
    expect(sent).toMatchObject({ code: 0, stdout: '7\n' });
  });

  it('prints the error that Python raised, in one line, and exits 1', async () => {
    const sent = await send('tasks.fail', 'boom', '--wait', '--timeout', '25');
    expect(sent.code).toBe(1);
    expect(sent.stderr.trim().split('\n')).toHaveLength(1);
    expect(sent.stderr).toContain('ValueError: boom');
  });

  it('prints the id alone, from which the result can be asked', async () => {
    const sent = await send('tasks.add', '3', '4');
    expect(sent.stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    const result = await runCtq(['result', '-b', redis().url, sent.stdout.trim(), '--wait', '--timeout', '25'], { cwd });
    expect(result).toMatchObject({ code: 0, stdout: '7\n' });
  });

  it('hands over arguments, keyword arguments and big numbers exactly', async () => {
    const sent = await send(
      'tasks.echo',
      '9007199254740993',
      'plain text',
      '[1,{"a":null}]',
      '-k',
      'key=1.5',
      '-w',
      '--timeout',
      '25',
      '--json',
    );
    expect(sent.code).toBe(0);
    expect(sent.stdout).toContain('9007199254740993');
    expect(sent.stdout).toContain('plain text');
  });

  it('has options understood: queue, priority, shadow, headers, limits', async () => {
    const info = await app()
      .sendTask('tasks.request_info', [], {
        queue: 'other',
        priority: 6,
        shadow: 'pretty',
        headers: { 'x-trace': 'abc' },
        timeLimit: 30,
        softTimeLimit: 20,
        taskId: 'my-own-id',
        argsrepr: '(hidden)',
      })
      .get({ timeout: 30 });
    expect(info).toMatchObject({
      id: 'my-own-id',
      root_id: 'my-own-id',
      parent_id: null,
      timelimit: [30, 20],
      argsrepr: '(hidden)',
      delivery_info: { exchange: '', routing_key: 'other', priority: 6 },
      shadow: 'pretty',
    });
  });

  it.each(['json', 'yaml', 'msgpack'])('is understood in %s', async (serializer) => {
    const value = await app()
      .sendTask('tasks.echo', [1, 'x', [1, { a: null }]], { kwargs: { k: 1.5 }, serializer })
      .get({ timeout: 30 });
    expect(value).toEqual({ args: [1, 'x', [1, { a: null }]], kwargs: { k: 1.5 } });
  });

  it.each(['gzip', 'bzip2', 'lzma'])('is understood when compressed with %s', async (compression) => {
    expect(await app().sendTask('tasks.add', [20, 1], { compression }).get({ timeout: 30 })).toBe(21);
  });

  it('is not run before its eta, and not at all after its expiry', async () => {
    const startedAt = Date.now();
    const later = app().sendTask('tasks.add', [1, 1], { countdown: 1.2 });
    const expired = app().sendTask('tasks.add', [1, 2], { expires: new Date(Date.now() - 5000) });
    expect(await expired.get({ timeout: 30, propagate: false })).toMatchObject({ state: 'REVOKED', message: 'TaskRevokedError: expired' });
    expect(await later.get({ timeout: 30 })).toBe(2);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1200);
  });

  it('sees states on the way, and the children of a task that sent some', async () => {
    const states: string[] = [];
    const value = await app()
      .sendTask('tasks.progress', [1])
      .get({ timeout: 30, onUpdate: (meta) => states.push(meta.status) });
    expect(value).toBe('done');
    expect(states).toContain('PROGRESS');
    const parent = app().sendTask('tasks.spawn', []);
    const ids = (await parent.get({ timeout: 30 })) as string[];
    const children = await parent.children();
    expect(children.map((child) => child.id)).toContain(ids[0]);
  });

  it('has its link called in Python', async () => {
    const link = { task: 'tasks.mul', args: [10], kwargs: {}, options: { task_id: 'linked-one' }, subtask_type: null, immutable: false };
    await app().sendTask('tasks.add', [2, 3], { link }).get({ timeout: 30 });
    expect(await app().AsyncResult('linked-one').get({ timeout: 30 })).toBe(50);
  });
});
