/**
 * Types of partial application, Celery's way: what a signature is given first are its *last* arguments,
 * what it is called with later comes in front of them.
 */

/** What `task.s(…)` may be given: any tail of the parameters. */
export type Tail<Args extends readonly unknown[]> = number extends Args['length']
  ? Args
  : Args extends readonly []
    ? []
    : Args extends readonly [unknown?, ...infer Rest]
      ? Args | Tail<Rest>
      : Args;

/** What is still to come in front once `Given` is there. */
export type Missing<Args extends readonly unknown[], Given extends readonly unknown[]> = number extends Args['length']
  ? AnyArgs
  : Given extends readonly []
    ? Args
    : Fitting<Heads<Args>, Args, Given>;

/** An immutable signature ignores what it is called with; one that is only known by name takes anything. */
// oxlint-disable-next-line typescript/no-explicit-any -- fits every list of arguments in both directions
export type AnyArgs = readonly any[];

/** What a task gives that is only known by name: nobody knows, so it fits everywhere. */
// oxlint-disable-next-line typescript/no-explicit-any -- fits in both directions
export type Anything = any;

/** Every beginning of the parameters, collected one by one. */
type Heads<Args extends readonly unknown[], Head extends readonly unknown[] = []> = number extends Args['length']
  ? AnyArgs
  : Args extends readonly []
    ? Head
    : Args extends readonly [(infer First)?, ...infer Rest]
      ? Head | Heads<Rest, [...Head, First]>
      : Head;

type Fitting<Head, Args extends readonly unknown[], Given extends readonly unknown[]> = Head extends readonly unknown[]
  ? readonly [...Head, ...Given] extends Readonly<Args>
    ? Head
    : never
  : never;
