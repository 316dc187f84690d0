/**
 * Calling a canvas: which messages to send, in which order, and what to write down before. Sends
 * nothing; the client and the worker carry plans out.
 */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import { ConfigError } from '../errors.js';
import { newId } from '../protocol/oid.js';
import type { SignatureJson } from '../protocol/signature.js';
import { freeze, freezeGroup, leaveGroup, prepareChain } from './freeze.js';
import { groupHandle, type Handle, rootOf, taskHandle } from './handle.js';
import {
  type Addition,
  addLink,
  type CanvasNode,
  type ChainNode,
  chainNode,
  type ChordNode,
  chordNode,
  cloneNode,
  extended,
  type GroupNode,
  groupNode,
  headerTasks,
  isGiven,
  joinArgs,
  type Kwargs,
  mergeOptions,
  type NodeOptions,
  partCount,
  type TaskNode,
} from './node.js';
import { nodeFromJson, nodeToJson } from './node-json.js';
import { checkCount, checkWeight } from './weight.js';

/** One message to send. */
export interface PlannedCall {
  readonly task: string;
  readonly args: readonly unknown[];
  /** The keyword arguments among them. */
  readonly options: ApplyAsyncOptions;
}

/** What the result backend must know before the first message of a chord goes out. */
export interface PlannedChord {
  readonly groupId: string;
  /** How many parts its header has. */
  readonly size: number;
  /** The header, when some member is itself a group: its results are then gathered one by one (WIRE 7.5, 7.6). */
  readonly header: Handle | undefined;
}

export interface Plan {
  readonly chords: readonly PlannedChord[];
  readonly calls: readonly PlannedCall[];
  /** What the caller waits for. */
  readonly result: Handle;
  /** What a task that sends this notes among its children. */
  readonly child: Handle | undefined;
}

/**
 * @param call - Arguments, keyword arguments and options as for `applyAsync`.
 * @throws {@link ConfigError} for a canvas that cannot be run: a chain of nothing, a chord without a body.
 * @throws ProtocolError for one whose messages would fill a machine.
 */
export function plan(node: CanvasNode, call: Addition = {}): Plan {
  const planner = new Planner();
  const { result, child } = planner.plan(node, call);
  checkWeight(planner.calls);
  return { chords: planner.chords, calls: planner.calls, result, child };
}

/** What calling a part of the canvas gives: its result, and the trace it leaves in a task that sends it. */
interface Planned {
  readonly result: Handle;
  readonly child: Handle | undefined;
}

class Planner {
  readonly chords: PlannedChord[] = [];
  readonly calls: PlannedCall[] = [];
  /** A chord's body stands in every message of its header: turned into a dict once. */
  readonly #bodies = new Map<CanvasNode, SignatureJson>();

  plan(node: CanvasNode, call: Addition): Planned {
    switch (node.kind) {
      case 'task':
        return this.#task(node, call);
      case 'chain':
        return this.#chain(node, call);
      case 'group':
        return this.#group(node, call);
      case 'chord':
        return this.#chord(node, call);
      default:
        return node satisfies never;
    }
  }

  #task(node: TaskNode, call: Addition): Planned {
    const { args, kwargs, options } = extended(node, { ...call, options: withoutNulls(call.options ?? {}) });
    const taskId = options.taskId ?? newId();
    checkCount(this.calls.length + 1);
    this.calls.push({ task: node.task, args, options: this.#callOptions({ ...options, taskId }, kwargs, routeName(node)) });
    const handle = taskHandle(taskId);
    return { result: handle, child: handle };
  }

  /** Only the first step is sent; the others ride in its message (WIRE 8.3). */
  #chain(node: ChainNode, call: Addition): Planned {
    const { taskId, groupId, groupIndex, chord, rootId, link, linkError, chain, ...others } = {
      ...node.options,
      ...withoutNulls(call.options ?? {}),
    };
    const { steps, handle } = prepareChain(node.tasks.map(cloneNode), {
      place: { id: taskId, groupId, groupIndex, chord, rootId },
      linkError,
    });
    const last = steps.at(-1) as CanvasNode;
    for (const callback of link ?? []) addLink(last, callback);
    const [first, ...later] = steps as [CanvasNode, ...CanvasNode[]];
    const following = [...(chain ?? []), ...later.reverse().map(nodeToJson)];
    const planned = this.plan(first, {
      args: joinArgs(node, call.args),
      ...(call.kwargs === undefined ? {} : { kwargs: call.kwargs }),
      options: { ...others, chain: following },
    });
    return later.length === 0 ? planned : { result: handle, child: planned.child };
  }

  #group(node: GroupNode, call: Addition): Planned {
    checkCount(node.tasks.length);
    const { link, linkError, ...given } = call.options ?? {};
    if (isGiven(link) || isGiven(linkError)) {
      throw new ConfigError('a group takes neither link nor linkError when it is called', {
        hint: 'call linkError() on it before, or make it the header of a chord',
      });
    }
    const chain = given.chain ?? node.options.chain;
    if (isGiven(chain) && chain.length > 0 && node.tasks.length > 0) {
      // What comes after a group waits for all of it. Celery's clients see to that before sending, but not where it is a chord's body.
      const rest = chainNode(chain.map((step) => nodeFromJson(step)).reverse());
      const header = cloneNode(node);
      header.options.chain = null;
      for (const task of header.tasks) leaveGroup(task);
      // With its id and options: planned again after a crash it is the same chord.
      return this.#chord({ ...chordNode(header, rest), header }, { ...call, options: { ...given, chain: null } });
    }
    if (node.tasks.length === 0) {
      const handle = freeze(cloneNode(node));
      return { result: handle, child: undefined };
    }
    const { taskId, chord, groupIndex, ...shared } = mergeOptions(node.options, given);
    void groupIndex;
    delete shared.link;
    delete shared.linkError;
    const groupId = taskId ?? newId();
    const members = this.#members(node.tasks, groupId, shared.rootId).map(({ task, handle }) => {
      this.plan(task, {
        ...call,
        options: { ...shared, groupId, addToParent: false, ...(chord === undefined ? {} : { chord: chord ?? task.options.chord }) },
      });
      return handle;
    });
    const handle = groupHandle(groupId, members);
    // One chain that ends in a group: what counts is that group (messages #80).
    const [only] = members;
    const result = members.length === 1 && only !== undefined && only.members !== null ? only : handle;
    return { result, child: result };
  }

  /** Inner groups dissolve in their order, but each counts its members from 0 again (messages #66). */
  #members(tasks: readonly CanvasNode[], groupId: string, rootId: string | null | undefined): { task: CanvasNode; handle: Handle }[] {
    return tasks.flatMap((original, groupIndex) => {
      if (original.kind === 'group') return this.#members(original.tasks, groupId, rootId);
      const task = cloneNode(original);
      return [{ task, handle: freeze(task, { groupId, rootId, groupIndex }) }];
    });
  }

  /**
   * The body gets everything the call says, the header all but what is only the body's: what comes after
   * it, and the chord that waits for it (WIRE 8.5).
   */
  #chord(node: ChordNode, call: Addition): Planned {
    if (node.body === null) throw new ConfigError('a chord without a body', { hint: 'chord([…], body)' });
    checkCount(headerTasks(node).length);
    const { taskId, ...options } = { ...node.options, ...call.options };
    const body = cloneNode(node.body);
    body.options = { ...body.options, ...options, ...bodyLinks(body.options, options) };
    const header = Array.isArray(node.header) ? groupNode(headerTasks(node).map(cloneNode)) : cloneNode(node.header);
    if (Array.isArray(node.header) && isGiven(node.options.taskId)) header.options.taskId = node.options.taskId;
    const groupId = header.options.taskId ?? newId();
    const { rootId } = body.options;
    const result = freeze(body, { id: call.options?.taskId ?? taskId ?? newId(), groupId, rootId });
    const before = freezeGroup(header, { groupId, chord: body, rootId });
    rootOf(result).parent = before;
    if (header.tasks.length === 0) return { result, child: this.plan(body, { args: [[]] }).child };
    const complex = before.members?.some(({ members }) => members !== null) === true;
    this.chords.push({ groupId, size: partCount(header), header: complex ? before : undefined });
    const { chain: _chain, chord: _chord, link: _link, linkError: _linkError, ...shared } = options;
    const { child } = this.#group(header, {
      args: joinArgs(node, call.args),
      kwargs: { ...node.kwargs, ...call.kwargs },
      options: { ...shared, taskId: groupId },
    });
    return { result, child };
  }

  #callOptions(options: NodeOptions, kwargs: Kwargs, routeName: string | undefined): ApplyAsyncOptions {
    const { link, linkError, chord, addToParent, ...plain } = options;
    void addToParent;
    return {
      ...(withoutNulls(plain) as ApplyAsyncOptions),
      ...(Object.keys(kwargs).length === 0 ? {} : { kwargs }),
      ...(isGiven(link) && link.length > 0 ? { link: link.map(nodeToJson) } : {}),
      ...(isGiven(linkError) && linkError.length > 0 ? { linkError: linkError.map(nodeToJson) } : {}),
      ...(isGiven(chord) ? { chord: this.#bodyJson(chord) } : {}),
      ...(routeName === undefined ? {} : { routeName }),
    };
  }

  #bodyJson(body: CanvasNode): SignatureJson {
    let json = this.#bodies.get(body);
    if (json === undefined) {
      json = nodeToJson(body);
      this.#bodies.set(body, json);
    }
    return json;
  }
}

/** Callbacks given to a chord are further ones of its body. */
function bodyLinks(stored: NodeOptions, given: NodeOptions): Pick<NodeOptions, 'link' | 'linkError'> {
  return {
    ...(given.link === undefined ? {} : { link: [...(stored.link ?? []), ...given.link] }),
    ...(given.linkError === undefined ? {} : { linkError: [...(stored.linkError ?? []), ...given.linkError] }),
  };
}

/** `celery.map` goes where its task would go (WIRE 8.6). */
function routeName(node: TaskNode): string | undefined {
  if (node.task !== 'celery.map' && node.task !== 'celery.starmap') return undefined;
  const inner: unknown = node.kwargs['task'];
  const name: unknown = typeof inner === 'object' && inner !== null ? (inner as { readonly task?: unknown }).task : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** `task.chunks(items, n)` is sent as one `celery.starmap` for every n items (WIRE 8.6). */
export function chunksToGroup(node: TaskNode): GroupNode {
  const { task, it, n } = node.kwargs;
  const items = Array.isArray(it) ? it : [];
  const size = typeof n === 'number' && n >= 1 ? Math.trunc(n) : 1;
  const tasks: CanvasNode[] = [];
  for (let start = 0; start < items.length; start += size) {
    const kwargs = { task, it: items.slice(start, start + size) };
    tasks.push({ kind: 'task', task: 'celery.starmap', args: [], kwargs, options: {}, immutable: true });
  }
  return { ...groupNode(tasks), options: node.options };
}

function withoutNulls(options: NodeOptions): NodeOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => isGiven(value))) as NodeOptions;
}
