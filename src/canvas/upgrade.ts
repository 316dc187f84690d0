/**
 * Putting canvases one after the other: Celery's rules for `a | b` (its `__or__` methods), under which
 * a chain of chains is one chain, and a group that something follows becomes a chord.
 */
import { addErrback, addLink, type CanvasNode, type ChainNode, chainNode, type ChordNode, chordNode, cloneNode } from './node.js';
import { unwrapped } from './freeze.js';
import { chunksToGroup } from './plan.js';

/** `chain(a, b, c)`: one after the other; the result may be a chord, a group, or a chain of one. */
export function inSequence(nodes: readonly CanvasNode[]): CanvasNode {
  return nodes.reduce<CanvasNode>((before, next) => followedBy(before, next), chainNode([]));
}

/** `before | next`. Neither is changed. */
export function followedBy(before: CanvasNode, next: CanvasNode): CanvasNode {
  const after = spread(next);
  switch (before.kind) {
    case 'group':
      return chordNode(cloneNode(before), cloneNode(after));
    case 'chord':
      return chordFollowedBy(before, after);
    case 'chain':
      return chainFollowedBy(before, after);
    case 'task': {
      const first = spread(before);
      if (first.kind !== 'task') return followedBy(first, after);
      return chainNode([cloneNode(first), ...(after.kind === 'chain' ? stepsOf(after) : [cloneNode(unwrapped(after))])]);
    }
    default:
      return before satisfies never;
  }
}

/** Chunks are meant as a group of `celery.starmap`; only as a group can they wait for each other. */
export function spread(node: CanvasNode): CanvasNode {
  return node.kind === 'task' && node.task === 'celery.chunks' ? chunksToGroup(node) : node;
}

function chordFollowedBy(before: ChordNode, after: CanvasNode): CanvasNode {
  const next = unwrapped(after);
  if (next.kind === 'group') return chainNode([cloneNode(before), cloneNode(next)]);
  if (next.kind === 'chain') return chainNode([cloneNode(before), ...stepsOf(next)]);
  return withLongerBody(before, next);
}

function chainFollowedBy(before: ChainNode, after: CanvasNode): CanvasNode {
  const next = unwrapped(after);
  if (next.kind === 'chain') return stepsOf(next).reduce<CanvasNode>((chain, step) => followedBy(chain, step), before);
  const steps = stepsOf(before);
  const last = steps.at(-1);
  if (next.kind === 'group') {
    if (last === undefined) return cloneNode(next);
    if (last.kind === 'chord') return chainNode([...steps.slice(0, -1), withLongerBody(last, next)]);
    return chainNode([...steps, cloneNode(next)]);
  }
  if (last?.kind === 'group') {
    const chord = chordNode(last, cloneNode(next));
    const previous = steps.at(-2);
    // Two chords in a row: the second becomes the rest of the first one's body.
    if (previous?.kind === 'chord') return { ...cloneNode(before), tasks: [...steps.slice(0, -2), withLongerBody(previous, chord)] };
    return { ...cloneNode(before), tasks: [...steps.slice(0, -1), chord] };
  }
  if (last?.kind === 'chord' && next.kind !== 'chord') {
    return { ...cloneNode(before), tasks: [...steps.slice(0, -1), withLongerBody(last, next)] };
  }
  return chainNode([...steps, cloneNode(next)]);
}

function withLongerBody(chord: ChordNode, next: CanvasNode): ChordNode {
  const longer = cloneNode(chord);
  longer.body = longer.body === null ? cloneNode(next) : followedBy(longer.body, next);
  return longer;
}

/** The steps of a chain that is taken apart: what was linked to the whole goes to the steps it concerns. */
function stepsOf(chain: ChainNode): CanvasNode[] {
  const { tasks, options } = cloneNode(chain);
  const last = tasks.at(-1);
  for (const callback of options.link ?? []) if (last !== undefined) addLink(last, callback);
  for (const errback of options.linkError ?? []) for (const task of tasks) addErrback(task, errback);
  return tasks;
}
