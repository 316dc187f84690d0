/**
 * What must be sent when a task has ended (WIRE 8.8): its callbacks, the next step of its chain, its
 * errbacks. Decides and sends nothing; every id is fixed here, so that sending again after a lost
 * connection sends the same task.
 */
import type { ResultTree } from '../protocol/result-meta.js';
import { treeOf } from './handle.js';
import { type Addition, type CanvasNode, groupNode, headerTasks, isGiven, type NodeOptions } from './node.js';
import { nodeFromJson } from './node-json.js';
import { type Plan, plan, type PlannedCall, type PlannedChord } from './plan.js';

export type PlannedSend = PlannedCall;

export interface FollowUp {
  /** To be written down before anything is sent. */
  readonly chords: readonly PlannedChord[];
  readonly sends: readonly PlannedSend[];
  /** What they add to the `children` of the task that ended. */
  readonly children: readonly ResultTree[];
}

/** The task that ended. */
export interface EndedTask {
  readonly id: string;
  readonly rootId: string;
  /** Given on to what follows, where `task_inherit_parent_priority` says so. */
  readonly priority: number | undefined;
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  /** Remaining steps, the next one last. */
  readonly chain: readonly unknown[] | null;
}

const NOTHING: FollowUp = { chords: [], sends: [], children: [] };

/** True when {@link afterSuccess} would find nothing: asked for every task, so it is cheap. */
export function endsHere(ended: Pick<EndedTask, 'callbacks' | 'chain'>): boolean {
  return (ended.callbacks === null || ended.callbacks.length === 0) && (ended.chain === null || ended.chain.length === 0);
}

/**
 * Callbacks and the next step, each called with the result.
 *
 * @throws ProtocolError when one of them is no signature, ConfigError when it cannot be run.
 */
export function afterSuccess(ended: EndedTask, result: unknown): FollowUp {
  const { callbacks, chain } = ended;
  const revive = (json: unknown): CanvasNode => withPriority(nodeFromJson(json), ended.priority);
  const options = lineage(ended);
  const plans = callTogether((callbacks ?? []).map(revive), { args: [result], options });
  if (chain !== null && chain.length > 0) {
    plans.push(plan(revive(chain.at(-1)), { args: [result], options: { ...options, chain: chain.slice(0, -1) } }));
  }
  return joined(plans);
}

/** Errbacks, each called with the id of the task that failed, together as a group. */
export function afterFailure(ended: Pick<EndedTask, 'id' | 'rootId' | 'errbacks'>): FollowUp {
  const { errbacks } = ended;
  if (errbacks === null || errbacks.length === 0) return NOTHING;
  const group = groupNode(errbacks.map((errback) => nodeFromJson(errback)));
  return joined([plan(group, { args: [ended.id], options: lineage(ended) })]);
}

/** One callback is called as it is; of several, the groups one by one and all others together, as a group (Celery #1936). */
function callTogether(callbacks: readonly CanvasNode[], call: Addition): Plan[] {
  const [only] = callbacks;
  if (only === undefined) return [];
  if (callbacks.length === 1) return [plan(only, call)];
  const groups = callbacks.filter(({ kind }) => kind === 'group');
  const others = callbacks.filter(({ kind }) => kind !== 'group');
  return [...groups, ...(others.length === 0 ? [] : [groupNode(others)])].map((node) => plan(node, call));
}

function lineage({ id, rootId }: Pick<EndedTask, 'id' | 'rootId'>): NodeOptions {
  return { parentId: id, rootId };
}

/** The priority of what came before, for everything that is sent now and has none of its own. */
function withPriority(node: CanvasNode, priority: number | undefined): CanvasNode {
  if (priority === undefined) return node;
  switch (node.kind) {
    case 'task':
      node.options.priority ??= priority;
      return node;
    case 'chain':
      // The later steps inherit it when their turn comes.
      for (const first of node.tasks.slice(0, 1)) withPriority(first, priority);
      return node;
    case 'group':
      for (const task of node.tasks) withPriority(task, priority);
      return node;
    case 'chord':
      for (const task of headerTasks(node)) withPriority(task, priority);
      return node;
    default:
      return node satisfies never;
  }
}

function joined(plans: readonly Plan[]): FollowUp {
  return {
    chords: plans.flatMap(({ chords }) => chords),
    sends: plans.flatMap(({ calls }) => calls),
    children: plans.flatMap(({ child }) => (child === undefined ? [] : [treeOf(child)])),
  };
}

/** A task that will never run, because an earlier step of its chain failed. */
export interface LostTask {
  readonly taskId: string;
  /** Where it was a part of a chord: the chord waits for it. */
  readonly part: ChordMembership | undefined;
}

/** A task's place in the header of a chord. */
export interface ChordMembership {
  readonly groupId: string;
  readonly groupIndex: number | null;
  readonly body: CanvasNode;
}

/**
 * Whose results must hear of a failure, so that whoever waits for the last one does not wait for ever.
 * Celery tells the steps themselves; here the tasks inside them are told, too, above all a chord's body.
 */
export function laterSteps(chain: readonly unknown[] | null): readonly LostTask[] {
  return (chain ?? []).flatMap((step) => {
    try {
      return lostTasks(nodeFromJson(step));
    } catch {
      // What nobody can read nobody waits for.
      return [];
    }
  });
}

function lostTasks(node: CanvasNode): LostTask[] {
  const { taskId, groupId, groupIndex, chord } = node.options;
  if (node.kind === 'chain') return node.tasks.flatMap(lostTasks);
  const isPart = node.kind === 'task' && isGiven(chord) && isGiven(groupId);
  const part = isPart ? { groupId, groupIndex: groupIndex ?? null, body: chord } : undefined;
  const own = isGiven(taskId) ? [{ taskId, part }] : [];
  switch (node.kind) {
    case 'task':
      return own;
    case 'group':
      return [...own, ...node.tasks.flatMap(lostTasks)];
    case 'chord':
      return [...own, ...(node.body === null ? [] : lostTasks(node.body))];
    default:
      return node satisfies never;
  }
}
