import { describe, expect, it } from 'vitest';
import { afterFailure, afterSuccess, type EndedTask, endsHere, laterSteps } from '../../../src/canvas/follow-up.js';
import { CtqError } from '../../../src/errors.js';

const sig = (task: string, args: unknown[] = [], options: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  task,
  args,
  kwargs: {},
  options,
  subtask_type: null,
  immutable: false,
  ...more,
});

const group = (tasks: unknown[], options: Record<string, unknown> = {}) =>
  sig('celery.group', [], options, { kwargs: { tasks }, subtask_type: 'group' });
const chain = (...tasks: unknown[]) => sig('celery.chain', [], {}, { kwargs: { tasks }, subtask_type: 'chain' });

const ended = (more: Partial<EndedTask>): EndedTask => ({
  id: 'me',
  rootId: 'root',
  priority: undefined,
  callbacks: null,
  errbacks: null,
  chain: null,
  ...more,
});

const lineage = { rootId: 'root', parentId: 'me' };

describe('after a success', () => {
  it('nothing follows a task without callbacks and chain', () => {
    expect(endsHere(ended({}))).toBe(true);
    expect(endsHere(ended({ callbacks: [], chain: [] }))).toBe(true);
    expect(endsHere(ended({ callbacks: [sig('a')] }))).toBe(false);
    expect(endsHere(ended({ chain: [sig('a')] }))).toBe(false);
    expect(afterSuccess(ended({ chain: [] }), 3)).toMatchObject({ sends: [], children: [] });
  });

  it('a single callback is called with the result in front of its own arguments', () => {
    const plan = afterSuccess(ended({ callbacks: [sig('tasks.mul', [10], { task_id: 'cb', queue: 'q', countdown: null })] }), 3);
    expect(plan.sends).toEqual([{ task: 'tasks.mul', args: [3, 10], options: { ...lineage, taskId: 'cb', queue: 'q' } }]);
    expect(plan.children).toEqual([[['cb', null], null]]);
  });

  it('an immutable callback is called as it is', () => {
    const plan = afterSuccess(ended({ callbacks: [sig('tasks.ident', ['x'], {}, { immutable: true })] }), 3);
    expect(plan.sends[0]?.args).toEqual(['x']);
  });

  it('several callbacks go out together, as a group', () => {
    const plan = afterSuccess(ended({ callbacks: [sig('a', [], { task_id: 'a1' }), sig('b')] }), 3);
    expect(plan.sends.map(({ task, options }) => [task, options.taskId, options.groupId, options.groupIndex])).toEqual([
      ['a', 'a1', expect.any(String), 0],
      ['b', expect.any(String), expect.any(String), 1],
    ]);
    expect(plan.children).toEqual([
      [
        [expect.any(String), null],
        [
          [['a1', null], null],
          [[expect.any(String), null], null],
        ],
      ],
    ]);
  });

  it('groups among several callbacks go out one by one', () => {
    const plan = afterSuccess(ended({ callbacks: [group([sig('a'), sig('b')], { task_id: 'g' }), sig('c')] }), 3);
    expect(plan.sends.map(({ task, options }) => [task, options.groupId, options.groupIndex])).toEqual([
      ['a', 'g', 0],
      ['b', 'g', 1],
      ['c', expect.any(String), 0],
    ]);
  });

  it('the next step of a chain is the last one listed, and takes the others with it', () => {
    const [third, second] = [sig('c', [], { task_id: '3' }), sig('b', [5], { task_id: '2', reply_to: 'oid' })];
    const plan = afterSuccess(ended({ chain: [third, second] }), 3);
    expect(plan.sends).toEqual([{ task: 'b', args: [3, 5], options: { ...lineage, taskId: '2', replyTo: 'oid', chain: [third] } }]);
    expect(plan.children).toEqual([[['2', null], null]]);
    const last = afterSuccess(ended({ chain: [third] }), 15);
    expect(last.sends[0]).toMatchObject({ args: [15], options: { taskId: '3', chain: [] } });
  });

  it('callbacks go before the next step', () => {
    const plan = afterSuccess(ended({ callbacks: [sig('cb')], chain: [sig('next')] }), 3);
    expect(plan.sends.map(({ task }) => task)).toEqual(['cb', 'next']);
  });

  it('a group as last step is sent member by member, each with its own id', () => {
    const members = [sig('a', [], { task_id: 'm0', group_index: 0 }), sig('b', [2], { task_id: 'm1', group_index: 1 })];
    const plan = afterSuccess(ended({ chain: [group(members, { task_id: 'gid' })] }), 3);
    expect(plan.sends).toMatchObject([
      { task: 'a', args: [3], options: { taskId: 'm0', groupId: 'gid', groupIndex: 0 } },
      { task: 'b', args: [3, 2], options: { taskId: 'm1', groupId: 'gid', groupIndex: 1 } },
    ]);
    expect(plan.children).toEqual([
      [
        ['gid', null],
        [
          [['m0', null], null],
          [['m1', null], null],
        ],
      ],
    ]);
  });

  it('a chain as callback sends its first step, which carries the rest in reverse', () => {
    const steps = [sig('a'), sig('b'), sig('c')];
    const plan = afterSuccess(ended({ callbacks: [chain(...steps)] }), 3);
    expect(plan.sends).toMatchObject([{ task: 'a', args: [3], options: { chain: [steps[2], steps[1]] } }]);
  });

  it('priority is given on only where that is asked for, and a callback’s own wins', () => {
    const callbacks = [sig('a')];
    expect(afterSuccess(ended({ callbacks }), 1).sends[0]?.options).not.toHaveProperty('priority');
    expect(afterSuccess(ended({ callbacks, priority: 7 }), 1).sends[0]?.options.priority).toBe(7);
    expect(afterSuccess(ended({ callbacks: [sig('a', [], { priority: 2 })], priority: 7 }), 1).sends[0]?.options.priority).toBe(2);
  });

  it('stamps travel with their names, unknown options as properties', () => {
    const options = { stamped_headers: ['who'], who: 'me', app_id: 'x', add_to_parent: true, link_error: [sig('err')] };
    expect(afterSuccess(ended({ callbacks: [sig('a', [], options)] }), 1).sends[0]?.options).toMatchObject({
      stampedHeaders: ['who'],
      stamps: { who: 'me' },
      properties: { app_id: 'x' },
      linkError: [sig('err')],
    });
  });

  it.each([
    ['a number', { callbacks: [5] }],
    ['null', { callbacks: [null] }],
    ['an object without a task', { callbacks: [{ args: [] }] }],
    ['a step that is text', { chain: ['x'] }],
    ['a chord', { callbacks: [sig('celery.chord', [], {}, { subtask_type: 'chord' })] }],
    ['a group without members', { callbacks: [sig('celery.group', [], {}, { subtask_type: 'group' })] }],
    ['an empty chain', { callbacks: [chain()] }],
  ])('refuses %s', (_, more) => {
    expect(() => afterSuccess(ended(more), 1)).toThrow(CtqError);
  });
});

describe('after a failure', () => {
  it('errbacks are sent as a group with the id of what failed', () => {
    const plan = afterFailure(ended({ errbacks: [sig('err', ['own']), sig('other')] }));
    expect(plan.sends).toMatchObject([
      { task: 'err', args: ['me', 'own'], options: { ...lineage, groupId: expect.any(String), groupIndex: 0 } },
      { task: 'other', args: ['me'], options: { ...lineage, groupId: expect.any(String), groupIndex: 1 } },
    ]);
    expect(afterFailure(ended({ errbacks: null })).sends).toEqual([]);
  });

  it('names the later steps that must hear of it', () => {
    expect(laterSteps([sig('c', [], { task_id: '3' }), sig('b'), null, 5, sig('a', [], { task_id: '2' })])).toEqual([
      { taskId: '3', part: undefined },
      { taskId: '2', part: undefined },
    ]);
    expect(laterSteps(null)).toEqual([]);
  });
});
