/**
 * What a canvas is made of: four kinds of plain data. Everything in this room is a function of them;
 * `signature.ts` wraps them for users, `node-json.ts` knows their form on the wire.
 *
 * Nodes are mutable on purpose: a signature is set and linked after it was made, and freezing writes
 * the ids of things that refer to each other (a chord's header knows its body, which gets its id later).
 */
import { isDeepStrictEqual } from 'node:util';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';

export type Kwargs = Readonly<Record<string, unknown>>;

type PlainOptions = Omit<ApplyAsyncOptions, 'link' | 'linkError' | 'chain' | 'chord' | 'kwargs'>;

/** Options of `applyAsync` as a signature keeps them; null means "not given" (WIRE 8.1). */
export type NodeOptions = { -readonly [Name in keyof PlainOptions]?: PlainOptions[Name] | null | undefined } & {
  link?: CanvasNode[] | undefined;
  linkError?: CanvasNode[] | undefined;
  /** What comes after it, in the form and order of the message: the next step last (WIRE 3.3). */
  chain?: readonly unknown[] | null | undefined;
  /** The body of the chord whose header it belongs to. */
  chord?: CanvasNode | null | undefined;
  /** Celery's, false for the members of a group; carried along, and of no use to anybody. */
  addToParent?: boolean | null | undefined;
};

interface NodeBase {
  /** Partial arguments: what a call adds comes before them. */
  args: readonly unknown[];
  kwargs: Kwargs;
  options: NodeOptions;
  /** Ignores the arguments that a call adds. */
  immutable: boolean;
}

/** One task. `celery.map`, `celery.starmap` and `celery.chunks` are tasks, too. */
export interface TaskNode extends NodeBase {
  readonly kind: 'task';
  readonly task: string;
}

/** One after the other, in running order. */
export interface ChainNode extends NodeBase {
  readonly kind: 'chain';
  tasks: CanvasNode[];
}

/** Side by side. */
export interface GroupNode extends NodeBase {
  readonly kind: 'group';
  tasks: CanvasNode[];
}

/** Side by side, and then the body with all their results. */
export interface ChordNode extends NodeBase {
  readonly kind: 'chord';
  /** A plain list until it is frozen, as in Celery. */
  header: CanvasNode[] | GroupNode;
  body: CanvasNode | null;
}

export type CanvasNode = TaskNode | ChainNode | GroupNode | ChordNode;

export function taskNode(task: string, args: readonly unknown[] = [], kwargs: Kwargs = {}): TaskNode {
  return { kind: 'task', task, args, kwargs, options: {}, immutable: false };
}

export function chainNode(tasks: CanvasNode[]): ChainNode {
  return { kind: 'chain', tasks, args: [], kwargs: {}, options: {}, immutable: false };
}

export function groupNode(tasks: CanvasNode[]): GroupNode {
  return { kind: 'group', tasks, args: [], kwargs: {}, options: {}, immutable: false };
}

/** A chain or group given as the header counts by its tasks, as in Celery. */
export function chordNode(header: CanvasNode | CanvasNode[], body: CanvasNode | null): ChordNode {
  const tasks = Array.isArray(header) ? header : header.kind === 'group' || header.kind === 'chain' ? header.tasks : [header];
  return { kind: 'chord', header: tasks, body, args: [], kwargs: {}, options: {}, immutable: false };
}

export function headerTasks(chord: ChordNode): CanvasNode[] {
  return Array.isArray(chord.header) ? chord.header : chord.header.tasks;
}

/**
 * A copy that can be changed without the original noticing. The body that a header task points to is
 * shared: it is one body, however many point to it.
 */
export function cloneNode<Node extends CanvasNode>(node: Node): Node {
  const copy = { ...node, options: cloneOptions(node.options) };
  switch (copy.kind) {
    case 'task':
      return copy;
    case 'chain':
    case 'group':
      copy.tasks = copy.tasks.map(cloneNode);
      return copy;
    case 'chord':
      copy.header = Array.isArray(copy.header) ? copy.header.map(cloneNode) : cloneNode(copy.header);
      copy.body = copy.body === null ? null : cloneNode(copy.body);
      return copy;
    default:
      return copy satisfies never;
  }
}

function cloneOptions(options: NodeOptions): NodeOptions {
  const copy = { ...options };
  if (copy.link !== undefined) copy.link = copy.link.map(cloneNode);
  if (copy.linkError !== undefined) copy.linkError = copy.linkError.map(cloneNode);
  return copy;
}

/** What a call adds to a signature. */
export interface Addition {
  readonly args?: readonly unknown[];
  readonly kwargs?: Kwargs;
  readonly options?: NodeOptions;
}

/** A copy with more: arguments in front, keyword arguments and options over the stored ones (WIRE 8.2). */
export function extended<Node extends CanvasNode>(node: Node, more: Addition): Node {
  const copy = cloneNode(node);
  copy.args = joinArgs(node, more.args);
  if (more.kwargs !== undefined && !node.immutable) copy.kwargs = { ...node.kwargs, ...more.kwargs };
  copy.options = mergeOptions(copy.options, more.options);
  return copy;
}

/** New arguments come before the stored ones; an immutable signature takes none. */
export function joinArgs(node: CanvasNode, args: readonly unknown[] | undefined): readonly unknown[] {
  return args === undefined || args.length === 0 || node.immutable ? node.args : [...args, ...node.args];
}

/**
 * New options win, except over the group a task already belongs to and the stamps it already carries:
 * changing those would leave a chord waiting or a stamp lost (Celery's `_IMMUTABLE_OPTIONS`).
 */
export function mergeOptions(stored: NodeOptions, more: NodeOptions | undefined): NodeOptions {
  if (more === undefined) return stored;
  const merged: NodeOptions = { ...stored, ...more };
  if (isGiven(stored.groupId)) merged.groupId = stored.groupId;
  if (isGiven(stored.stampedHeaders)) {
    merged.stampedHeaders = stored.stampedHeaders;
    merged.stamps = stored.stamps;
  }
  return merged;
}

export function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== null && value !== undefined;
}

/** Celery's `link`: what runs after it. A group passes it to its first member, a chord to its body. */
export function addLink(node: CanvasNode, callback: CanvasNode): void {
  switch (node.kind) {
    case 'group': {
      const [first] = node.tasks;
      // One member cannot speak for its siblings, so the callback gets no result.
      if (first !== undefined) addLink(first, { ...cloneNode(callback), immutable: true });
      return;
    }
    case 'chord':
      if (node.body !== null) addLink(node.body, callback);
      return;
    default:
      node.options.link = withOneMore(node.options.link, callback);
  }
}

/**
 * Celery's `link_error`: what runs when it fails. A group passes it to each member; a chord to its body,
 * and to the header, too, when the setting `task_allow_error_cb_on_chord_header` says so.
 */
export function addErrback(node: CanvasNode, errback: CanvasNode, chordHeaders: 'header too' | 'body only' = 'body only'): void {
  switch (node.kind) {
    case 'group':
      for (const task of node.tasks) addErrback(task, { ...cloneNode(errback), immutable: true }, chordHeaders);
      return;
    case 'chord':
      for (const task of headerTasks(node)) {
        if (chordHeaders === 'header too') addErrback(task, { ...cloneNode(errback), immutable: true }, chordHeaders);
        else if (task.kind === 'chord') addErrback(task, errback, chordHeaders);
      }
      if (node.body !== null) addErrback(node.body, errback, chordHeaders);
      return;
    default:
      node.options.linkError = withOneMore(node.options.linkError, errback);
  }
}

/** The same callback twice is one callback, as in Celery. */
function withOneMore(links: readonly CanvasNode[] | undefined, link: CanvasNode): CanvasNode[] {
  const known = links ?? [];
  return known.some((other) => isDeepStrictEqual(other, link)) ? [...known] : [...known, link];
}

/** How many parts of a chord it is, as one member of the header (WIRE 7.6). */
export function partCount(node: CanvasNode): number {
  switch (node.kind) {
    case 'task':
      return 1;
    case 'group':
      return sum(node.tasks);
    case 'chord':
      return node.body === null ? 0 : partCount(node.body);
    case 'chain': {
      const last = node.tasks.findLast((task) => partCount(task) > 0);
      return last === undefined ? 0 : partCount(last);
    }
    default:
      return node satisfies never;
  }
}

function sum(nodes: readonly CanvasNode[]): number {
  return nodes.reduce((total, node) => total + partCount(node), 0);
}
