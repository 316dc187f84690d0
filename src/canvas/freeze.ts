/**
 * Gives every task of a canvas its id before anything is sent, so that the caller knows all results and
 * each task knows what it belongs to. The rules, their odd order included, are Celery's: results must
 * not depend on who built the canvas (WIRE 8.3–8.5, captures messages #54–#80).
 */
import { ConfigError } from '../errors.js';
import { newId, processOid } from '../protocol/oid.js';
import { groupHandle, type Handle, rootOf, taskHandle } from './handle.js';
import {
  addErrback,
  type CanvasNode,
  type ChordNode,
  chordNode,
  cloneNode,
  type GroupNode,
  groupNode,
  isGiven,
  type TaskNode,
} from './node.js';

/** What the surroundings of a node say about it. */
export interface Placement {
  /** For a chain the id of its last step, for a chord that of its body. */
  readonly id?: string | null | undefined;
  readonly groupId?: string | null | undefined;
  readonly groupIndex?: number | null | undefined;
  /** The body of the chord whose header it stands in. */
  readonly chord?: CanvasNode | null | undefined;
  readonly rootId?: string | null | undefined;
  readonly parentId?: string | null | undefined;
}

/** Writes ids into the node; a second time changes nothing. */
export function freeze(node: CanvasNode, place: Placement = {}): Handle {
  switch (node.kind) {
    case 'task':
      return freezeTask(node, place);
    case 'chain': {
      const { steps, handle } = prepareChain(node.tasks, { place });
      node.tasks = steps;
      if (isGiven(place.id)) node.options.taskId = place.id;
      return handle;
    }
    case 'group':
      return freezeGroup(node, place);
    case 'chord':
      return freezeChord(node, place);
    default:
      return node satisfies never;
  }
}

function freezeTask(node: TaskNode, place: Placement): Handle {
  const { options } = node;
  options.taskId ??= place.id ?? newId();
  if (isGiven(place.rootId)) options.rootId = place.rootId;
  if (isGiven(place.parentId)) options.parentId = place.parentId;
  options.replyTo ??= processOid();
  if (isGiven(place.groupId)) options.groupId ??= place.groupId;
  if (isGiven(place.chord)) options.chord = place.chord;
  if (isGiven(place.groupIndex)) options.groupIndex = place.groupIndex;
  return taskHandle(options.taskId);
}

/** Groups within are dissolved. The id of a group is never the caller's `id`: that is for a single result. */
export function freezeGroup(node: GroupNode, place: Placement): Handle {
  const { options } = node;
  options.taskId ??= place.groupId ?? newId();
  if (isGiven(place.groupId)) options.groupId = place.groupId;
  if (isGiven(place.chord)) options.chord = place.chord;
  if (isGiven(place.groupIndex)) options.groupIndex = place.groupIndex;
  options.rootId = options.rootId ?? place.rootId ?? null;
  options.parentId = options.parentId ?? place.parentId ?? null;
  node.tasks = dissolved(node.tasks);
  const { groupId, chord } = place;
  const { rootId, parentId } = options;
  const members = node.tasks.map((task, groupIndex) => freeze(task, { groupId, chord, rootId, parentId, groupIndex }));
  return groupHandle(options.taskId, members);
}

/**
 * Celery takes the members of an inner group out one by one and puts each in front of the rest, so they
 * come out in reverse. The order of a chord's results follows from it, so it is the wire's order.
 */
function dissolved(tasks: readonly CanvasNode[]): CanvasNode[] {
  const flat: CanvasNode[] = [];
  const waiting = [...tasks].reverse();
  for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
    if (task.kind === 'group') waiting.push(...task.tasks);
    else flat.push(cloneNode(task));
  }
  return flat;
}

/**
 * The tasks of a body carry the id of the group before them (Celery gives it to them); those of a body that becomes a
 * header are parts of that one.
 */
export function leaveGroup(node: CanvasNode): void {
  switch (node.kind) {
    case 'task':
      node.options.groupId = null;
      return;
    case 'chain':
      for (const last of node.tasks.slice(-1)) leaveGroup(last);
      return;
    case 'group':
      for (const task of node.tasks) leaveGroup(task);
      return;
    case 'chord':
      if (node.body !== null) leaveGroup(node.body);
      return;
    default:
      node satisfies never;
  }
}

/** First the header, whose tasks all point to the body; then the body, which stands for the chord outside. */
function freezeChord(node: ChordNode, place: Placement): Handle {
  const header = headerGroup(node);
  node.header = header;
  const { rootId, parentId, groupId, groupIndex, chord } = place;
  const before = freezeGroup(header, { rootId, parentId, chord: node.body });
  node.options.taskId = header.options.taskId;
  if (node.body === null) throw new ConfigError('a chord without a body', { hint: 'chord([…], body)' });
  const handle = freeze(node.body, { id: place.id, rootId, chord, groupId, groupIndex });
  rootOf(handle).parent = before;
  return handle;
}

function headerGroup(node: ChordNode): GroupNode {
  return Array.isArray(node.header) ? groupNode(node.header) : node.header;
}

/** A chain made ready: flat, groups followed by something turned into chords, every step with its id. */
export interface PreparedChain {
  /** In running order. */
  readonly steps: CanvasNode[];
  /** The result of the last step. */
  readonly handle: Handle;
}

interface Preparation {
  readonly place: Placement;
  /** For every step. */
  readonly linkError?: readonly CanvasNode[] | null | undefined;
}

/**
 * Walks from the last step to the first, because only the last one takes what the surroundings say: the
 * chain's id, its place in a group, the chord it is part of. Works on the steps themselves.
 *
 * @throws {@link ConfigError} for a chain of nothing.
 */
export function prepareChain(tasks: readonly CanvasNode[], { place, linkError }: Preparation): PreparedChain {
  const waiting = [...tasks];
  /** From the last to the first. */
  const ready: { step: CanvasNode; handle: Handle }[] = [];
  // Celery does not tell the steps of a chain their parent: whoever sends one is it.
  let here: Placement = { ...place, parentId: null };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const step = unwrapped(next);
    if (step.kind === 'chain') {
      waiting.push(...step.tasks);
      continue;
    }
    const after = ready.at(-1);
    if (after !== undefined && step.kind === 'chord' && step.body !== null && endsInGroup(step)) {
      waiting.push(headerGroup(step), step.body);
      continue;
    }
    if (step.kind === 'group' && after !== undefined) {
      ready.splice(-1, 1, becomeChord(step, after, place));
    } else {
      const handle = freeze(step, here);
      if (after !== undefined) rootOf(after.handle).parent = handle;
      ready.push({ step, handle });
    }
    here = { rootId: place.rootId };
    for (const errback of linkError ?? []) addErrback((ready.at(-1) as { step: CanvasNode }).step, errback);
  }
  const [last] = ready;
  if (last === undefined) throw new ConfigError('a chain of nothing cannot be run', { hint: 'give it at least one task' });
  return { steps: ready.map(({ step }) => step).reverse(), handle: last.handle };
}

/** A group with something after it waits for all its members: what comes after is the body of a chord. */
function becomeChord(
  group: GroupNode,
  after: { readonly step: CanvasNode; readonly handle: Handle },
  { rootId }: Placement,
): { step: CanvasNode; handle: Handle } {
  const step = chordNode(group, after.step);
  step.options.rootId = rootId ?? null;
  const handle = freeze(step, { rootId });
  // Later steps look back to the body by the handle it had before it was one.
  rootOf(after.handle).parent = rootOf(handle);
  return { step, handle };
}

/**
 * As in `group | group`. What comes after it waits for the second one as well, so that is to be a chord, too: each member
 * of a group that is a body would call it by itself (of four groups and more in a row, Celery's workers do).
 */
function endsInGroup(node: CanvasNode): boolean {
  const step = unwrapped(node);
  if (!isPlain(step)) return false;
  switch (step.kind) {
    case 'task':
      return false;
    case 'group':
      return step.tasks.length > 0;
    case 'chain':
      return step.tasks.slice(-1).some(endsInGroup);
    case 'chord':
      return step.body !== null && isPlain(headerGroup(step)) && endsInGroup(step.body);
    default:
      return step satisfies never;
  }
}

/** Nothing is lost when it is taken apart; what has options or arguments of its own is left to the worker. */
function isPlain({ immutable, options, kwargs, args }: CanvasNode): boolean {
  return !immutable && !Object.values(options).some(isGiven) && Object.keys(kwargs).length === 0 && args.length === 0;
}

/** A group of one behaves as its task (Celery #1656). */
export function unwrapped(node: CanvasNode): CanvasNode {
  const [only] = node.kind === 'group' ? node.tasks : [];
  return node.kind === 'group' && only !== undefined && node.tasks.length === 1 ? only : node;
}
