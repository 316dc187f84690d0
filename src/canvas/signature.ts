/**
 * Signatures as users hold them: a call that was written down and not yet made, or several put together.
 * `task.s()` makes them, `chain`, `group` and `chord` combine them; they serialise as Celery's dicts and
 * are typed by what they still need and what they give.
 */
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import type { AsyncResult, SentTask } from '../client/async-result.js';
import type { GroupResult, SentGroup } from '../client/group-result.js';
import { ConfigError } from '../errors.js';
import type { SignatureJson } from '../protocol/signature.js';
import { freeze } from './freeze.js';
import type { Handle } from './handle.js';
import {
  type Addition,
  addErrback,
  addLink,
  type CanvasNode,
  cloneNode,
  extended,
  type Kwargs,
  type NodeOptions,
  taskNode,
} from './node.js';
import { nodeFromJson, nodeToJson } from './node-json.js';
import type { AnyArgs, Anything } from './partial-args.js';
import { stamp, type StampingVisitor, type Stamps } from './stamp.js';
import { followedBy, spread } from './upgrade.js';

/** Whoever carries canvases out: the app. */
export interface CanvasSender {
  sendCanvas(node: CanvasNode, call: Addition): SentTask | SentGroup;
  /** The results of a canvas that has its ids. */
  resultOf(handle: Handle): AsyncResult | GroupResult;
  /** `task_allow_error_cb_on_chord_header`. */
  readonly chordErrbacks: 'header too' | 'body only';
}

/** Options of a signature: those of `applyAsync`, its keyword arguments, and whether it takes arguments from its caller. */
export interface SignatureOptions extends ApplyAsyncOptions {
  readonly immutable?: boolean;
}

/** A signature, chain, group or chord, whatever it takes and gives. */
// oxlint-disable-next-line typescript/no-explicit-any -- any signature at all
export type AnySignature = Signature<any, any, any>;

/** A signature, or the dict that stands for one in JSON. */
export type SignatureLike = AnySignature | SignatureJson;

/**
 * A call that is written down and not made: a task's, or a chain, group or chord of such.
 *
 * @typeParam In - The arguments it may be called with, in front of its own.
 * @typeParam Out - What it gives.
 * @typeParam Sent - What sending it returns.
 */
export class Signature<In extends readonly unknown[] = AnyArgs, out Out = unknown, out Sent = SentTask<Out>> {
  /** Makes the compiler compare what a signature takes with what it will be given. */
  declare protected readonly takes: ((args: In) => void) | undefined;
  /** @internal */
  readonly node: CanvasNode;
  /** @internal */
  readonly sender: CanvasSender | undefined;

  /** @internal */
  constructor(node: CanvasNode, sender: CanvasSender | undefined) {
    this.node = node;
    this.sender = sender;
  }

  /** The task's name; `celery.chain`, `celery.group` or `celery.chord` for several. */
  get task(): string {
    return this.node.kind === 'task' ? this.node.task : `celery.${this.node.kind}`;
  }

  get args(): readonly unknown[] {
    return this.node.args;
  }

  get kwargs(): Kwargs {
    return this.node.kwargs;
  }

  /** As `applyAsync` takes them; change them with {@link set}. */
  get options(): Readonly<NodeOptions> {
    return this.node.options;
  }

  /** Ignores the arguments it is called with, as after `task.si()`. */
  get immutable(): boolean {
    return this.node.immutable;
  }

  /** The id it will be sent with; undefined before {@link freeze}. */
  get id(): string | undefined {
    return this.node.options.taskId ?? undefined;
  }

  /** Changes options of this signature. */
  set(options: SignatureOptions): this {
    const { immutable, kwargs, link, linkError, chord, chain, ...plain } = options;
    const { node } = this;
    Object.assign(node.options, plain);
    if (kwargs !== undefined) node.kwargs = { ...node.kwargs, ...kwargs };
    if (immutable !== undefined) setImmutable(node, immutable ? 'immutable' : 'mutable');
    if (link !== undefined) node.options.link = listOf(link).map(nodeOf);
    if (linkError !== undefined) node.options.linkError = listOf(linkError).map(nodeOf);
    if (chord !== undefined) node.options.chord = chord === null ? null : nodeOf(chord);
    if (chain !== undefined) node.options.chain = chain;
    return this;
  }

  /** Calls this with the result. A group gives it to its first member, a chord to its body. */
  link(callback: SignatureLike): this {
    addLink(this.node, nodeOf(callback));
    return this;
  }

  /** Calls this when it fails, with the id of the task that failed. */
  linkError(errback: SignatureLike): this {
    addErrback(this.node, nodeOf(errback), this.sender?.chordErrbacks);
    return this;
  }

  /** Celery's other name for {@link linkError}. */
  onError(errback: SignatureLike): this {
    return this.linkError(errback);
  }

  /** A copy, with more arguments in front and more options. */
  clone(args: readonly unknown[] = [], options: SignatureOptions = {}): Signature<AnyArgs, Out, Sent> {
    const { kwargs, ...rest } = options;
    const node = extended(this.node, { args, ...(kwargs === undefined ? {} : { kwargs }) });
    return new Signature<AnyArgs, Out, Sent>(node, this.sender).set(rest);
  }

  /** This and then that: what `|` is in Python. */
  pipe<Next, NextSent>(next: Signature<[Out], Next, NextSent>): Signature<In, Next, NextSent> {
    return new Signature(followedBy(spread(this.node), nodeOf(next)), this.sender ?? next.sender);
  }

  /** Sends it, with these arguments in front of its own. */
  delay(...args: In): Sent {
    return this.applyAsync(args);
  }

  /**
   * Sends it, with these arguments in front of its own and these options over its own.
   *
   * @throws {@link ConfigError} when nobody can send it: it was made without an app.
   */
  applyAsync(args: In | readonly [] = [], options: ApplyAsyncOptions = {}): Sent {
    const { kwargs, ...rest } = options;
    const call = { args, ...(kwargs === undefined ? {} : { kwargs }), options: optionsOf(rest) };
    return this.whoSends().sendCanvas(spread(this.node), call) as Sent;
  }

  /** Fixes the ids now, and gives the result that will be theirs. Send it once. */
  freeze(id?: string): AsyncResult<Out> | GroupResult {
    const sender = this.whoSends();
    return sender.resultOf(freeze(this.node, id === undefined ? {} : { id })) as AsyncResult<Out> | GroupResult;
  }

  /**
   * Stamps it, and everything in and linked to it: the stamps travel in the headers of all its messages.
   *
   * @param stamps - The stamps, or a visitor that gives them part by part.
   */
  stamp(stamps: Stamps | StampingVisitor, options: { readonly append?: boolean } = {}): this {
    stamp(this.node, stamps, options.append === true ? 'append' : 'keep');
    return this;
  }

  /** Celery's dict (WIRE 8.1). */
  toJSON(): SignatureJson {
    return nodeToJson(this.node);
  }

  private whoSends(): CanvasSender {
    const sender = this.sender ?? currentSender;
    if (sender !== undefined) return sender;
    throw new ConfigError(`nobody can send the signature of ${this.task}`, { hint: "make an app first: new Ctq('tasks')" });
  }
}

/** A task that is only known by its name: it takes and gives anything. */
export type UntypedSignature = Signature<AnyArgs, Anything>;

/** A group gives its members' results, in their order. */
export class Group<In extends readonly unknown[] = AnyArgs, out Out extends readonly unknown[] = readonly unknown[]> extends Signature<
  In,
  Out,
  SentGroup<Out>
> {}

let currentSender: CanvasSender | undefined;

/**
 * Whoever sends what knows no app, an empty group above all: the app that was made last, as Celery's
 * `current_app`.
 *
 * @internal
 */
export function setCurrentSender(sender: CanvasSender): void {
  currentSender = sender;
}

/** @internal */
export function makeSignature(
  task: string,
  args: readonly unknown[],
  options: SignatureOptions,
  sender: CanvasSender | undefined,
): Signature {
  return new Signature(taskNode(task, args), sender).set(options);
}

/** The node of a signature or of a dict that stands for one. */
export function nodeOf(value: unknown): CanvasNode {
  return value instanceof Signature ? cloneNode(value.node) : nodeFromJson(asJson(value));
}

/** Another copy of this library makes signatures, too: what counts is that they turn into dicts. */
function asJson(value: unknown): unknown {
  const json: unknown = typeof value === 'object' && value !== null && 'toJSON' in value ? value.toJSON : undefined;
  return typeof json === 'function' ? (json.call(value) as unknown) : value;
}

function optionsOf(options: ApplyAsyncOptions): NodeOptions {
  const { link, linkError, chord, ...plain } = options;
  return {
    ...plain,
    ...(link === undefined ? {} : { link: listOf(link).map(nodeOf) }),
    ...(linkError === undefined ? {} : { linkError: listOf(linkError).map(nodeOf) }),
    ...(chord === undefined || chord === null ? {} : { chord: nodeOf(chord) }),
  };
}

/** Of a group the members are meant, of a chord those of its header (Celery's `set_immutable`). */
function setImmutable(node: CanvasNode, to: 'immutable' | 'mutable'): void {
  if (node.kind === 'group') for (const task of node.tasks) setImmutable(task, to);
  else if (node.kind === 'chord') for (const task of Array.isArray(node.header) ? node.header : node.header.tasks) setImmutable(task, to);
  else node.immutable = to === 'immutable';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
