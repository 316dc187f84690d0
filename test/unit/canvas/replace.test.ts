import { describe, expect, it } from 'vitest';
import type { CanvasNode } from '../../../src/canvas/node.js';
import { chainNode, groupNode, taskNode } from '../../../src/canvas/node.js';
import { addedToChord, replacementFor } from '../../../src/canvas/replace.js';
import { planned } from '../../../src/canvas/follow-up.js';
import { ConfigError } from '../../../src/errors.js';
import type { TaskRequest } from '../../../src/execution/invocation.js';

const sig = (task: string): object => ({ task, args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false });

function request(more: Partial<TaskRequest> = {}): TaskRequest {
  const plain = { id: 'me', rootId: 'root', group: null, groupIndex: null, chord: null, chain: null, callbacks: null, errbacks: null };
  return { ...plain, replacedTaskNesting: 0, ...more } as TaskRequest;
}

/** What would be sent. */
const sends = (node: CanvasNode): object[] => planned(node).sends.map(({ task, args, options }) => Object.assign({ task, args }, options));

describe('a replacement', () => {
  it('has the id of the task that it replaces', () => {
    expect(sends(replacementFor(request(), taskNode('a', [1])))).toEqual([
      expect.objectContaining({ task: 'a', args: [1], taskId: 'me', rootId: 'root', replacedTaskNesting: 1 }),
    ]);
  });

  it('counts how often it happened', () => {
    expect(sends(replacementFor(request({ replacedTaskNesting: 4 }), taskNode('a')))).toMatchObject([{ replacedTaskNesting: 5 }]);
  });

  it('calls what the task was to call, and goes on with its chain', () => {
    const was = { callbacks: [sig('link')], errbacks: [sig('errback')], chain: [sig('last'), sig('next')] };
    expect(sends(replacementFor(request(was), taskNode('a')))).toMatchObject([
      { task: 'a', taskId: 'me', link: [{ task: 'link' }], linkError: [{ task: 'errback' }], chain: [{ task: 'last' }, { task: 'next' }] },
    ]);
  });

  it('that is a chain gives its id and its links to the last step', () => {
    const [first] = sends(replacementFor(request({ callbacks: [sig('link')] }), chainNode([taskNode('a'), taskNode('b')]))) as [
      { readonly task: string; readonly link?: unknown; readonly chain: readonly object[] },
    ];
    expect([first.task, first.link]).toEqual(['a', undefined]);
    expect(first.chain).toMatchObject([{ task: 'b', options: { task_id: 'me', link: [{ task: 'link' }] } }]);
  });

  it('that is a group gives the list of its results', () => {
    const parts = sends(replacementFor(request(), groupNode([taskNode('a'), taskNode('b')])));
    expect(parts).toMatchObject([{ task: 'a' }, { task: 'b' }]);
    for (const part of parts) {
      expect(part).toMatchObject({ chord: { task: 'celery.accumulate', kwargs: { index: 0 }, options: { task_id: 'me' } } });
    }
  });

  it('stays a part of the chord', () => {
    const part = { chord: sig('body'), group: 'g', groupIndex: 3 };
    expect(sends(replacementFor(request(part), taskNode('a')))).toMatchObject([
      { taskId: 'me', groupId: 'g', groupIndex: 3, chord: { task: 'body' } },
    ]);
  });

  it('is neither a part of another chord nor nothing', () => {
    const inChord = taskNode('a');
    inChord.options.chord = taskNode('body');
    expect(() => replacementFor(request(), inChord)).toThrow(ConfigError);
    expect(() => replacementFor(request(), chainNode([]))).toThrow('a task cannot be replaced by an empty chain');
  });
});

describe('one part more', () => {
  it('has an id of its own and the place of the task that added it', () => {
    const { node, groupId } = addedToChord(request({ chord: sig('body'), group: 'g', groupIndex: 3 }), taskNode('a'));
    expect(groupId).toBe('g');
    expect(sends(node)).toMatchObject([{ task: 'a', taskId: expect.any(String), groupId: 'g', groupIndex: 3, chord: { task: 'body' } }]);
    expect(node.options.taskId).not.toBe('me');
  });

  it('needs a chord', () => {
    expect(() => addedToChord(request({ group: 'g' }), taskNode('a'))).toThrow('Current task is not member of any chord');
  });
});
