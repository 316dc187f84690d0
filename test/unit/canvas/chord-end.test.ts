import { describe, expect, it } from 'vitest';
import {
  callBody,
  callbackFailed,
  dependencyFailed,
  failedBodies,
  failedPart,
  joinFailed,
  lostToChord,
  shaped,
  tasksIn,
} from '../../../src/canvas/chord-end.js';
import { freeze } from '../../../src/canvas/freeze.js';
import { addErrback, type CanvasNode, chainNode, chordNode, groupNode, taskNode } from '../../../src/canvas/node.js';
import { nodeToJson } from '../../../src/canvas/node-json.js';
import { plan } from '../../../src/canvas/plan.js';
import type { ResultTree } from '../../../src/protocol/result-meta.js';
import type { SignatureJson } from '../../../src/protocol/signature.js';
import type { ChordPart } from '../../../src/result-backend.js';
import { inResultOrder, memberText } from '../../../src/result-backends/chord-order.js';

const part = (taskId: string, status = 'SUCCESS', result: unknown = taskId, groupIndex: number | null = 0): ChordPart => ({
  ...{ groupId: 'g', taskId, groupIndex, status, result },
});
const boom = { exc_type: 'ValueError', exc_message: ['boom'], exc_module: 'builtins' };

describe('a complete chord', () => {
  it('calls its body with the list of results', () => {
    const body = taskNode('sum', ['own']);
    body.options.taskId = 'body';
    expect(callBody(body, [1, 2], { id: 'last', rootId: 'root', priority: 3 }).sends).toEqual([
      { task: 'sum', args: [[1, 2], 'own'], options: { taskId: 'body', rootId: 'root', parentId: 'last', priority: 3 } },
    ]);
  });

  it('lets what comes after a body that is a group wait for the whole group, as a Celery client sends it', () => {
    const body = groupNode([taskNode('a'), taskNode('b')]);
    // As a client writes it: the id of the group before them.
    for (const { options } of body.tasks) options.groupId = 'first';
    body.options = { taskId: 'second', chain: [nodeToJson(taskNode('last')), nodeToJson(taskNode('next'))] };
    const { chords, sends } = callBody(body, [1, 2], { id: 'me', rootId: 'root', priority: undefined });
    expect(chords).toMatchObject([{ groupId: 'second', size: 2 }]);
    expect(sends.map(({ task, args, options: { groupId, chain } }) => [task, args, groupId, chain ?? []])).toEqual([
      ['a', [[1, 2]], 'second', []],
      ['b', [[1, 2]], 'second', []],
    ]);
    const later = sends.map(({ options }) => (options.chord as SignatureJson).kwargs['tasks'] as readonly SignatureJson[]);
    expect(later[0]?.map(({ task }) => task)).toEqual(['next', 'last']);
  });

  it('keeps its own arguments, options and those of its groups, which nothing behind it takes away', () => {
    const pair = (): CanvasNode => groupNode([taskNode('a'), taskNode('b')]);
    const withArguments = { ...chordNode(pair(), pair()), kwargs: { x: null } };
    expect(plan(chainNode([withArguments, taskNode('z')])).calls.map(({ options: { kwargs } }) => kwargs)).toEqual([
      { x: null },
      { x: null },
    ]);
    const bodyElsewhere = { ...pair(), options: { queue: 'elsewhere' } };
    const [call] = plan(chainNode([chordNode(pair(), bodyElsewhere), taskNode('z')])).calls;
    expect(JSON.stringify(call?.options.chord)).toContain('"queue":"elsewhere"');
  });

  it('fails with the first part, in the order of the results, that failed', () => {
    const parts = [part('a'), part('b', 'REVOKED', boom), part('c', 'FAILURE', boom)];
    expect(failedPart(parts)?.taskId).toBe('b');
    expect(failedPart([part('a')])).toBeUndefined();
  });

  it('says in Celery’s words what made it fail', () => {
    expect(dependencyFailed(part('a', 'FAILURE', boom))).toEqual({
      error: { type: 'ChordError', args: ["Dependency a raised ValueError('boom')"], module: 'celery.exceptions', traceback: null },
      cause: { type: 'ValueError', args: ['boom'], module: 'builtins', traceback: null },
    });
    const cause = { type: 'TimeoutError', args: ['late'], module: 'builtins', traceback: null };
    expect(joinFailed(cause).error.args).toEqual(["Join error: TimeoutError('late')"]);
    expect(callbackFailed(cause).error.args).toEqual(["Callback error: TimeoutError('late')"]);
  });
});

describe('what is lost with a body', () => {
  const lost = (body: CanvasNode): unknown[] => {
    freeze(body);
    return lostToChord(body, dependencyFailed(part('a', 'FAILURE', boom))).map(({ taskId, error }) => [taskId, error.type]);
  };

  it('is the body itself', () => {
    const body = taskNode('sum');
    body.options.taskId = 'body';
    expect(lost(body)).toEqual([['body', 'ChordError']]);
  });

  it('is every step of a chain, and what comes after the chord', () => {
    const chain = chainNode([taskNode('one'), taskNode('two')]);
    expect(lost(chain)).toHaveLength(2);
    const body = taskNode('sum');
    body.options.chain = [{ task: 'later', options: { task_id: 'later' } }];
    expect(lost(body).at(-1)).toEqual(['later', 'ChordError']);
  });

  it('is a group and each of its members, with the cause itself', () => {
    const errors = lost(groupNode([taskNode('one'), taskNode('two')])).map((one) => (one as string[])[1]);
    // Celery stores the failure for the group itself, too.
    expect(errors).toEqual(['ValueError', 'ValueError', 'ValueError']);
  });
});

describe('whom a failed body tells', () => {
  it('are its errbacks, with its own id', () => {
    const body = taskNode('sum');
    Object.assign(body.options, { taskId: 'body', rootId: 'root' });
    addErrback(body, taskNode('errback'));
    expect(failedBodies(body)).toMatchObject([{ id: 'body', rootId: 'root', errbacks: [{ task: 'errback' }] }]);
    expect(failedBodies(taskNode('sum'))).toEqual([]);
  });

  it('are those of its members, and of its own body', () => {
    const group = groupNode([taskNode('a'), taskNode('b')]);
    addErrback(group, taskNode('errback'));
    expect(failedBodies(group)).toHaveLength(2);
    const chord = chordNode([taskNode('a')], taskNode('b'));
    addErrback(chord, taskNode('errback'));
    expect(failedBodies(chord).map(({ node }) => node.kind === 'task' && node.task)).toEqual(['b']);
  });
});

describe('the results of a header', () => {
  const tree: ResultTree = [
    ['g', null],
    [
      [['a', null], null],
      [
        ['inner', null],
        [
          [['b', null], null],
          [['c', null], null],
        ],
      ],
    ],
  ];

  it('have its shape', () => {
    expect(shaped(tree, (id) => id.toUpperCase())).toEqual(['A', ['B', 'C']]);
    expect(tasksIn(tree)).toEqual(['a', 'b', 'c']);
  });

  it('come by index, and those of one index by the text that Celery keeps of them', () => {
    const parts = [part('z', 'SUCCESS', 1, 0), part('late', 'SUCCESS', 1, null), part('b', 'SUCCESS', 1, 2), part('a', 'SUCCESS', 1, 0)];
    expect(inResultOrder(parts).map(({ taskId }) => taskId)).toEqual(['a', 'z', 'b', 'late']);
    expect(memberText(part('a', 'SUCCESS', 3))).toBe('[1, "a", "SUCCESS", 3]');
  });
});
