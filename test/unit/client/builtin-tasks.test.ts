/** The tasks that every worker has, as messages of any client reach them. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ctq, TaskError } from '../../../src/index.js';
import type { ResultTree } from '../../../src/protocol/result-meta.js';
import type { Worker } from '../../../src/worker/worker.js';
import { eventually } from '../../support/eventually.js';

const app = new Ctq('b', { brokerUrl: `memory://${randomUUID()}`, resultBackend: `memory://${randomUUID()}` });
const told: unknown[] = [];
app.task('b.add', (x: number, y: number) => x + y);
app.task('b.sum', (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0));
app.task({ name: 'b.self', bind: true }, (task, x: unknown) => [task.name, task.request.task, x]);
app.task('b.fail', (text: string) => {
  throw Object.assign(new Error(text), { name: 'ValueError' });
});
app.task('b.told', (id: string) => void told.push(id));
const s = (task: string, ...args: readonly unknown[]): object => ({ task, args });

let worker: Worker;
let ended: Promise<string>;
beforeAll(async () => {
  worker = await app.worker({ concurrency: 10, hostname: `w-${randomUUID()}@test` });
  ended = worker.start();
  await eventually(() => worker.state === 'consuming', { intervalMs: 2 });
});
afterAll(async () => {
  await worker.stop('cold');
  await ended;
  await app.close();
});

const call = (task: string, args: readonly unknown[] = [], kwargs: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
  app.sendTask(task, args, { kwargs }).get({ timeout: 10 });

const membersOf = (tree: unknown): string[] => ((tree as ResultTree)[1] ?? []).map(([[id]]) => id);

describe('celery.map and celery.starmap', () => {
  it('call a task once for each item', async () => {
    expect(await call('celery.map', [], { task: s('b.sum'), it: [[1, 2], [3]] })).toEqual([3, 3]);
    expect(await call('celery.starmap', [s('b.add'), [[1, 2], [3, 4]]])).toEqual([3, 7]); // biome-ignore format: pairs
    expect(await call('celery.map', [s('b.self'), ['x']])).toEqual([['b.self', 'celery.map', 'x']]);
  });

  it('fail with the task', async () => {
    await expect(call('celery.map', [s('b.fail'), ['x']])).rejects.toThrow('ValueError: x');
    await expect(call('celery.map', [s('b.nobody'), ['x']])).rejects.toThrow('NotRegistered: b.nobody');
    await expect(call('celery.starmap', [s('b.add'), [[1]]])).rejects.toThrow(TaskError);
  });
});

describe('celery.chunks, celery.group and celery.chord', () => {
  it('send what they are given', async () => {
    const chunks = await call('celery.chunks', [s('b.add'), [[1, 1], [2, 2], [3, 3]], 2]); // biome-ignore format: pairs
    expect(await Promise.all(membersOf(chunks).map((id) => app.AsyncResult(id).get({ timeout: 10 })))).toEqual([[2, 4], [6]]);
    const group = await call('celery.group', [[s('b.add', 1), s('b.add', 2)], null, 'my-group', [10]]);
    expect((group as ResultTree)[0][0]).toBe('my-group');
    expect(await Promise.all(membersOf(group).map((id) => app.AsyncResult(id).get({ timeout: 10 })))).toEqual([11, 12]);
    const chord = (await call('celery.chord', [], { header: [s('b.add', 1, 2), s('b.add', 3, 4)], body: s('b.sum') })) as ResultTree;
    expect(await app.AsyncResult(chord[0][0]).get({ timeout: 10 })).toBe(10);
  });
});

describe('the others', () => {
  it('do what Celery’s do', async () => {
    expect(await call('celery.accumulate', [1, 2])).toEqual([1, 2]);
    expect(await call('celery.accumulate', [1, 2], { index: 0 })).toBe(1);
    expect(await call('celery.backend_cleanup')).toBeNull();
    await expect(call('celery.chain')).rejects.toThrow('NotImplementedError: chain is not a real task');
  });
});

describe('celery.chord_unlock', () => {
  async function store(taskId: string, status: string, result: unknown): Promise<ResultTree> {
    await (await app.backend()).store({ taskId, status, result, traceback: null, children: [], dateDone: null });
    return [[taskId, null], null];
  }
  const body = (id: string, more: object = {}): object => ({ ...s('b.sum'), options: { task_id: id, ...more } });
  const boom = { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' };

  it('calls the body when all parts are ready, and waits until then', async () => {
    const early = await store('u1', 'SUCCESS', 1);
    app.sendTask('celery.chord_unlock', ['g', body('u-body')], { kwargs: { interval: 0.01, result: [early, [['u2', null], null]] } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await app.AsyncResult('u-body').load()).toBeUndefined();
    await store('u2', 'SUCCESS', 2);
    expect(await app.AsyncResult('u-body').get({ timeout: 10 })).toBe(3);
  });

  it('fails the body with the first part that failed, and tells its errbacks', async () => {
    const trees = [await store('x1', 'SUCCESS', 1), await store('x2', 'FAILURE', boom)];
    app.sendTask('celery.chord_unlock', ['g', body('x-body', { link_error: [s('b.told')] })], { kwargs: { result: trees } });
    await expect(app.AsyncResult('x-body').get({ timeout: 10 })).rejects.toThrow("ChordError: Dependency x2 raised ValueError('boom')");
    await eventually(() => expect(told).toEqual(['x-body']));
  });
});
