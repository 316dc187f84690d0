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

/** What a task gives on to those that follow it. */
export interface Lineage {
  readonly id: string;
  readonly rootId: string;
  /** Where `task_inherit_parent_priority` says so. */
  readonly priority: number | undefined;
}

/** The task that ended. */
export interface EndedTask extends Lineage {
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
  const { priority } = ended;
  const revive = (json: unknown): CanvasNode => withDefaults(nodeFromJson(json), { priority });
  const options = { parentId: ended.id, rootId: ended.rootId };
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
  return joined([plan(group, { args: [ended.id], options: { parentId: ended.id, rootId: ended.rootId } })]);
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

/** Options for everything in it that is sent now and has none of its own; later steps inherit them when their turn comes. */
export function withDefaults(node: CanvasNode, defaults: Pick<NodeOptions, 'priority' | 'rootId' | 'parentId'>): CanvasNode {
  switch (node.kind) {
    case 'task':
      for (const [name, value] of Object.entries(defaults)) {
        if (isGiven(value)) node.options = { ...node.options, [name]: node.options[name as keyof typeof defaults] ?? value };
      }
      return node;
    case 'chain':
      for (const first of node.tasks.slice(0, 1)) withDefaults(first, defaults);
      return node;
    case 'group':
      for (const task of node.tasks) withDefaults(task, defaults);
      return node;
    case 'chord':
      for (const task of headerTasks(node)) withDefaults(task, defaults);
      return node;
    default:
      return node satisfies never;
  }
}

/** One canvas, called. */
export function planned(node: CanvasNode, call: Addition = {}): FollowUp {
  return joined([plan(node, call)]);
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

/** The tasks in it that somebody may wait for. */
export function lostTasks(node: CanvasNode): LostTask[] {
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
