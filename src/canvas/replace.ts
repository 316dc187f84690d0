/** A task that hands its place to another (WIRE 8.9, Celery's `Task.replace` and `add_to_chord`). */
import { ConfigError } from '../errors.js';
import type { TaskRequest } from '../execution/invocation.js';
import { freeze } from './freeze.js';
import { addErrback, addLink, type CanvasNode, chordNode, cloneNode, isGiven, type NodeOptions, taskNode } from './node.js';
import { nodeFromJson } from './node-json.js';
import { followedBy, spread } from './upgrade.js';

/**
 * What is sent instead of the result: it has the id of the task that it replaces and its place in group,
 * chord and chain, and calls what that was to call.
 *
 * @throws {@link ConfigError} for what cannot take somebody's place.
 */
export function replacementFor(request: TaskRequest, node: CanvasNode): CanvasNode {
  if (isGiven(node.options.chord)) throw new ConfigError('a signature that replaces a task must not be part of a chord');
  if (node.kind === 'chain' && node.tasks.length === 0) throw new ConfigError('a task cannot be replaced by an empty chain');
  const replacement = asSingleResult(spread(cloneNode(node)));
  for (const callback of request.callbacks ?? []) addLink(replacement, nodeFromJson(callback));
  for (const errback of request.errbacks ?? []) addErrback(replacement, nodeFromJson(errback));
  if (replacement.kind === 'chain') linksToLastStep(replacement);
  freeze(replacement, { id: request.id });
  const replacedTaskNesting = request.replacedTaskNesting + 1;
  Object.assign(replacement.options, { ...membership(request), replacedTaskNesting } satisfies NodeOptions);
  if (replacement.kind === 'chain') for (const step of replacement.tasks) step.options.replacedTaskNesting = replacedTaskNesting;
  return (request.chain ?? []).toReversed().reduce<CanvasNode>((before, step) => {
    const next = nodeFromJson(step);
    next.options.replacedTaskNesting = replacedTaskNesting;
    return followedBy(before, next);
  }, replacement);
}

/**
 * Makes a signature one more part of the chord that the task is a part of.
 *
 * @throws {@link ConfigError} when it is part of none.
 */
export function addedToChord(request: TaskRequest, node: CanvasNode): { readonly node: CanvasNode; readonly groupId: string } {
  const { group } = request;
  if (request.chord === null || group === null) {
    throw new ConfigError('Current task is not member of any chord', { hint: 'addToChord() is for tasks in the header of a chord' });
  }
  const added = cloneNode(node);
  Object.assign(added.options, membership(request));
  freeze(added);
  return { node: added, groupId: group };
}

function membership(request: TaskRequest): NodeOptions {
  return {
    chord: request.chord === null ? null : nodeFromJson(request.chord),
    groupId: request.group,
    groupIndex: request.groupIndex,
    rootId: request.rootId,
  };
}

/** A group has no single result that could take the place of one, so a body makes a list of its results. */
function asSingleResult(node: CanvasNode): CanvasNode {
  return node.kind === 'group' ? chordNode(node, taskNode('celery.accumulate', [], { index: 0 })) : node;
}

function linksToLastStep(chain: Extract<CanvasNode, { kind: 'chain' }>): void {
  const last = chain.tasks.at(-1);
  for (const callback of chain.options.link ?? []) if (last !== undefined) addLink(last, callback);
  delete chain.options.link;
}
