import { describe, expect, it } from 'vitest';
import { AsyncResult, type GroupResult, TaskError, WaitTimeoutError } from '../../../src/index.js';
import { Results } from '../../../src/client/results.js';
import type { ResultMeta, ResultTree } from '../../../src/protocol/result-meta.js';
import { openMemoryResultBackend } from '../../../src/result-backends/memory.js';

const backend = await openMemoryResultBackend('memory://group-result', { resultExpires: null });
const revoked: unknown[] = [];
const results = new Results({
  backend: () => Promise.resolve(backend),
  revoke: async (ids, options) => void revoked.push([ids, options]),
});

async function store(taskId: string, status: string, result: unknown, children: readonly ResultTree[] = []): Promise<void> {
  const meta: ResultMeta = { taskId, status, result, traceback: null, children, dateDone: null };
  await backend.store(meta);
}

const boom = { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' };
const leaf = (id: string): ResultTree => [[id, null], null];
const groupOf = (id: string, ...members: ResultTree[]): GroupResult => results.fromTree([[id, null], members]) as GroupResult;

describe('GroupResult', () => {
  it('gives the values in order, also of groups within', async () => {
    await store('v1', 'SUCCESS', 1);
    await store('v2', 'SUCCESS', 2);
    await store('v3', 'SUCCESS', 3);
    const group = groupOf('g', leaf('v1'), [['inner', null], [leaf('v2'), leaf('v3')]]); // biome-ignore format: the shape
    expect(await group.get()).toEqual([1, [2, 3]]);
    expect(await group.join()).toEqual(await group.joinNative());
    expect([group.length, [...group].map(({ id }) => id)]).toEqual([2, ['v1', 'inner']]);
  });

  it('throws the first failure while others are not ready, or returns each', async () => {
    await store('f1', 'FAILURE', boom);
    const group = groupOf('g', leaf('never'), leaf('f1'));
    await expect(group.get()).rejects.toThrow('ValueError: boom');
    await store('f2', 'SUCCESS', 2);
    const all = await groupOf('g', leaf('f2'), leaf('f1')).get({ propagate: false });
    expect(all).toEqual([2, expect.any(TaskError)]);
  });

  it('gives up after the time for the whole, or on a signal', async () => {
    const group = groupOf('g', leaf('never'), leaf('neither'));
    await expect(group.get({ timeout: 0.02 })).rejects.toThrow(WaitTimeoutError);
    await expect(group.get({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });

  it('iterates in the order in which results come', async () => {
    const group = groupOf('g', leaf('late'), leaf('early'));
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const [result, value] of group.iterate()) seen.push([result.id, value]);
    })();
    await store('early', 'SUCCESS', 1);
    await store('late', 'SUCCESS', 2);
    await reading;
    expect(seen).toEqual([
      ['early', 1],
      ['late', 2],
    ]);
  });

  it('throws a failure while iterating, or gives it', async () => {
    await store('i1', 'FAILURE', boom);
    const group = groupOf('g', leaf('i1'));
    await expect(group.iterate().next()).rejects.toThrow('boom');
    const { value } = await group.iterate({ propagate: false }).next();
    expect(value).toEqual([expect.any(AsyncResult), expect.any(TaskError)]);
  });

  it('knows how it stands', async () => {
    const standing = async (group: GroupResult): Promise<unknown[]> =>
      Promise.all([group.ready(), group.waiting(), group.successful(), group.failed(), group.completedCount()]);
    await store('s1', 'SUCCESS', 1);
    await store('s2', 'FAILURE', boom);
    expect(await standing(groupOf('g', leaf('s1')))).toEqual([true, false, true, false, 1]);
    expect(await standing(groupOf('g', leaf('s1'), leaf('never')))).toEqual([false, true, false, false, 1]);
    expect(await standing(groupOf('g', leaf('s1'), leaf('s2')))).toEqual([true, false, false, true, 1]);
    expect(await standing(groupOf('g'))).toEqual([true, false, true, false, 0]);
  });

  it('is saved, restored and deleted', async () => {
    const group = groupOf('kept', leaf('a'), [['inner', [['before', null], null]], [leaf('b')]]); // biome-ignore format: the shape
    await group.save();
    const restored = await results.restore('kept');
    expect(restored?.asTree()).toEqual(group.asTree());
    expect(restored?.results[1]?.parent?.id).toBe('before');
    await group.delete();
    expect(await results.restore('kept')).toBeUndefined();
  });

  it('forgets and revokes its members, and theirs', async () => {
    await store('r1', 'SUCCESS', 1);
    const group = groupOf('g', leaf('r1'), [['inner', null], [leaf('r2')]]); // biome-ignore format: the shape
    await group.revoke({ terminate: true });
    expect(revoked).toEqual([[['r1', 'r2'], { terminate: true }]]);
    await group.forget();
    expect(await backend.load('r1')).toBeUndefined();
  });
});

describe('what came out of a task', () => {
  const family = async (): Promise<AsyncResult> => {
    await store('root', 'SUCCESS', 0, [leaf('child'), [['sent', null], [leaf('one'), leaf('two')]], leaf('root')]); // biome-ignore format: the shape
    await store('child', 'SUCCESS', 1, [leaf('grandchild')]);
    await store('grandchild', 'SUCCESS', 2);
    await store('one', 'SUCCESS', 3);
    await store('two', 'SUCCESS', 4);
    return results.fromTree(leaf('root')) as AsyncResult;
  };

  it('is collected breadth first, each once', async () => {
    const collected: unknown[] = [];
    for await (const [result, value] of (await family()).collect()) collected.push([result.id, value]);
    expect(collected).toEqual([
      ['root', 0],
      ['child', 1],
      ['sent', [3, 4]],
      ['grandchild', 2],
      ['one', 3],
      ['two', 4],
    ]);
    expect(await (await family()).getLeaf()).toBe(4);
  });

  it('is waited for while it is collected', async () => {
    await store('w-root', 'SUCCESS', 0, [leaf('w-late')]);
    const values: unknown[] = [];
    const collecting = (async () => {
      for await (const [, value] of (results.fromTree(leaf('w-root')) as AsyncResult).collect()) values.push(value);
    })();
    await store('w-late', 'SUCCESS', 1, [leaf('w-later')]);
    await store('w-later', 'SUCCESS', 2);
    await collecting;
    expect(values).toEqual([0, 1, 2]);
  });

  it('can be drawn', async () => {
    const graph = await (await family()).graph();
    expect(graph.nodes.map(({ id }) => id)).toEqual(['root', 'child', 'sent', 'grandchild', 'one', 'two']);
    expect(graph.edges).toEqual([
      ['root', 'child'],
      ['root', 'sent'],
      ['child', 'grandchild'],
      ['sent', 'one'],
      ['sent', 'two'],
    ]);
    expect(graph.toDot()).toMatch(/^digraph results \{\n {2}"root";\n[^]*"sent" -> "two";\n\}\n$/);
    await store('quo"te\\', 'SUCCESS', 1);
    expect((await (results.fromTree(leaf('quo"te\\')) as AsyncResult).graph()).toDot()).toContain('"quo\\"te\\\\"');
  });

  it('knows what ran before it', () => {
    const last = results.fromTree([['last', [['first', null], null]], null]);
    expect([last.parent?.id, last.parent?.parent, last.asTree()]).toEqual(['first', null, [['last', [['first', null], null]], null]]);
  });
});
