/** Putting signatures together: `chain`, `group`, `chord`. The rules are in `upgrade.ts`; here are the types. */
import { chordNode, groupNode } from './node.js';
import type { AnyArgs } from './partial-args.js';
import type { SignatureJson } from '../protocol/signature.js';
import {
  type AnySignature,
  type CanvasSender,
  Group,
  makeSignature,
  nodeOf,
  Signature,
  type SignatureLike,
  type SignatureOptions,
  type UntypedSignature,
} from './signature.js';
import { inSequence, spread } from './upgrade.js';

/**
 * A call of a task by its name, or what a JSON dict stands for. It can be sent as part of a canvas that
 * knows its app, or by itself when it was made with `app.signature()`.
 */
export function signature(task: string | SignatureJson, args: readonly unknown[] = [], options: SignatureOptions = {}): UntypedSignature {
  return typeof task === 'string'
    ? makeSignature(task, args, options, undefined)
    : new Signature(nodeOf(task), undefined).clone(args, options);
}

/** What a signature gives. */
type Out<One> = One extends Signature<never, infer Result, unknown> ? Result : unknown;
type Outs<Many extends readonly unknown[]> = { -readonly [Key in keyof Many]: Out<Many[Key]> };
/** What all of them take. */
type In<Many extends readonly unknown[]> = [Many[number]] extends [Signature<infer Args, unknown, unknown>] ? Args : AnyArgs;

/** Signatures whose types nobody compares: dicts, and what only gives its members one by one. */
type Loose = (Iterable<SignatureLike> & { readonly length?: never }) | readonly SignatureJson[];

/** A step that takes what the step before it gives. */
type Next<Before, Result, Sent> = Signature<[NoInfer<Before>], Result, Sent>;

/**
 * One after the other, each called with the result of the one before. A group that something follows
 * becomes the header of a chord, chains within are spliced in: Celery's rules.
 */
export function chain<I extends readonly unknown[], A, S>(a: Signature<I, A, S>): Signature<I, A, S>;
export function chain<I extends readonly unknown[], A, B, S>(a: Signature<I, A, unknown>, b: Next<A, B, S>): Signature<I, B, S>;
export function chain<I extends readonly unknown[], A, B, C, S>(
  a: Signature<I, A, unknown>,
  b: Next<A, B, unknown>,
  c: Next<B, C, S>,
): Signature<I, C, S>;
export function chain<I extends readonly unknown[], A, B, C, D, S>(
  a: Signature<I, A, unknown>,
  b: Next<A, B, unknown>,
  c: Next<B, C, unknown>,
  d: Next<C, D, S>,
): Signature<I, D, S>;
export function chain<I extends readonly unknown[], A, B, C, D, E, S>(
  a: Signature<I, A, unknown>,
  b: Next<A, B, unknown>,
  c: Next<B, C, unknown>,
  d: Next<C, D, unknown>,
  e: Next<D, E, S>,
): Signature<I, E, S>;
export function chain<I extends readonly unknown[], A, B, C, D, E, F, S>(
  a: Signature<I, A, unknown>,
  b: Next<A, B, unknown>,
  c: Next<B, C, unknown>,
  d: Next<C, D, unknown>,
  e: Next<D, E, unknown>,
  f: Next<E, F, S>,
): Signature<I, F, S>;
/** More steps, or steps in a list: their types are not compared. */
export function chain(tasks: Iterable<SignatureLike>): Signature;
export function chain(...tasks: readonly unknown[]): Signature {
  const steps = listed(tasks);
  return new Signature(inSequence(steps.map(nodeOf)), senderOf(steps));
}

/** Side by side; the result is the list of their results. */
export function group<const Many extends readonly AnySignature[]>(tasks: Many): Group<In<Many>, Outs<Many>>;
export function group(tasks: Loose): Group;
export function group<const Many extends readonly AnySignature[]>(...tasks: Many): Group<In<Many>, Outs<Many>>;
export function group(...tasks: readonly unknown[]): Group {
  const members = listed(tasks);
  const nodes = members.map((member) => spread(nodeOf(member)));
  const [only] = nodes;
  const node = nodes.length === 1 && only?.kind === 'group' ? only : groupNode(nodes);
  return new Group(node, senderOf(members));
}

/**
 * Side by side, and then the body, called with the list of all results. When one of them fails, the body
 * is not run: it fails with a `ChordError`.
 *
 * @param header - Signatures, or a group.
 */
export function chord<const Many extends readonly AnySignature[], B, S>(
  header: Many,
  body: Signature<[NoInfer<Outs<Many>>], B, S>,
): Signature<In<Many>, B, S>;
export function chord<I extends readonly unknown[], A extends readonly unknown[], B, S>(
  header: Group<I, A>,
  body: Signature<[NoInfer<A>], B, S>,
): Signature<I, B, S>;
export function chord(header: Loose, body: SignatureLike): Signature;
export function chord(header: unknown, body: unknown): Signature {
  const members = header instanceof Signature ? [header] : listed([header]);
  const nodes = members.map((member) => spread(nodeOf(member)));
  const [only] = nodes;
  const node = chordNode(header instanceof Signature && only !== undefined ? only : nodes, spread(nodeOf(body)));
  return new Signature(node, senderOf([...members, body]));
}

/** Arguments one by one, or a single iterable of them. */
function listed(given: readonly unknown[]): readonly unknown[] {
  const [only] = given;
  const isList = typeof only === 'object' && only !== null && Symbol.iterator in only;
  return given.length === 1 && isList ? [...(only as Iterable<unknown>)] : given;
}

/** Whoever sends one of them sends them all. */
function senderOf(signatures: readonly unknown[]): CanvasSender | undefined {
  return signatures.find((one): one is Signature => one instanceof Signature && one.sender !== undefined)?.sender;
}
