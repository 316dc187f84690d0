/**
 * A task: a name, a function, options, and the handlers a subclass may override. `app.task()` makes
 * them; the worker runs them through `execution/execute.ts`. What a task may *throw to speak* —
 * {@link Retry}, {@link Ignore}, {@link Reject} — stands at the end of this file.
 */
import type { TaskRequest } from './execution/invocation.js';
import type { Logger } from './logger.js';
import type { ApplyAsyncOptions } from './client/apply-async-options.js';
import type { AnyArgs, Missing, Tail } from './canvas/partial-args.js';
import type { AnySignature, Signature, SignatureLike, SignatureOptions } from './canvas/signature.js';
import type { SentTask } from './client/async-result.js';
import type { SentGroup } from './client/group-result.js';
import type { AnyResult } from './client/result-source.js';

/** A class whose instances mean "try again" or "this was expected". */
// oxlint-disable-next-line typescript/no-explicit-any -- error constructors take anything
export type ErrorClass = abstract new (...args: any[]) => Error;

/** A class that tasks can be made of: {@link Task} or one that extends it. */
export type TaskClass = new (name: string, options: TaskOptions, run: TaskFunction, sender: TaskSender) => Task;

/** Task options: Celery's task attributes in camelCase, seconds where Celery has seconds. */
export interface TaskOptions {
  /** Registered name; default `<app name>.<function name>`. */
  readonly name?: string;
  /** Pass the task context as first argument. */
  readonly bind?: boolean;
  /** Class to instantiate, for handlers and `call`. */
  readonly base?: TaskClass;
  /** Default 3; null retries for ever. */
  readonly maxRetries?: number | null;
  /** Seconds; default 180. */
  readonly defaultRetryDelay?: number;
  /** Errors that retry by themselves: classes, or names of error classes. */
  readonly autoretryFor?: readonly (ErrorClass | string)[];
  readonly dontAutoretryFor?: readonly (ErrorClass | string)[];
  /** true = 1 s, doubled each time; a number is the first delay in seconds. */
  readonly retryBackoff?: boolean | number;
  /** Seconds; default 600. */
  readonly retryBackoffMax?: number;
  /** Default true: a random delay between 0 and the computed one. */
  readonly retryJitter?: boolean;
  /** Errors that are part of the task's contract: FAILURE, logged without a traceback. */
  readonly throws?: readonly (ErrorClass | string)[];
  /** `'10/s'`, `'100/m'`, `'1/h'` or a number per second. */
  readonly rateLimit?: string | number | null;
  /** Whose limit that is: each worker's own, as in Celery (default), or one for all workers of the broker. */
  readonly rateLimitScope?: 'worker' | 'global';
  /** So many run at once and no more; without it as many as there are slots. */
  readonly maxConcurrency?: number | null;
  /** In each worker (default), or in all workers of the broker together. */
  readonly maxConcurrencyScope?: 'worker' | 'global';
  /** Seconds. */
  readonly timeLimit?: number | null;
  readonly softTimeLimit?: number | null;
  readonly ignoreResult?: boolean;
  readonly storeErrorsEvenIfIgnored?: boolean;
  readonly serializer?: string;
  readonly compression?: string | null;
  /** URL of a result backend for this task alone. */
  readonly backend?: string;
  readonly acksLate?: boolean;
  readonly acksOnFailureOrTimeout?: boolean;
  readonly rejectOnWorkerLost?: boolean;
  readonly trackStarted?: boolean;
  /** Seconds from sending, or a date. */
  readonly expires?: number | Date | null;
  readonly priority?: number | null;
  readonly queue?: string;
  readonly routingKey?: string;
  readonly exchange?: string;
  /** Seconds. */
  readonly resultExpires?: number | null;
  /** Check the number and names of arguments as Python would; default true. */
  readonly typing?: boolean;
  /** Send task events for it; default true. */
  readonly sendEvents?: boolean;
}

/** What `task.retry()` takes. */
export interface RetryOptions {
  /** Seconds to wait; default the task's `defaultRetryDelay`. */
  readonly countdown?: number;
  readonly eta?: Date | string;
  /** What went wrong: stored with RETRY, and thrown when the retries are used up. */
  readonly exc?: unknown;
  readonly maxRetries?: number | null;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Further options for the next try: queue, priority … */
  readonly options?: ApplyAsyncOptions;
}

/** What runs: any function. Its parameters are those of the task, after the task itself with `bind: true`. */
// oxlint-disable-next-line typescript/no-explicit-any -- any function can be a task
export type TaskFunction = (...args: any[]) => unknown;

/** The app as far as a task needs it: somebody who can send. Keeps `task.ts` below `ctq.ts`. */
export interface TaskSender {
  sendTask(name: string, args: readonly unknown[], options: ApplyAsyncOptions): SentTask;
  /** A call that is written down and not made. */
  signature(name: string, args: readonly unknown[], options: SignatureOptions): Signature;
  /** A signature, chain, group or chord that was written as JSON. */
  reviveSignature(json: unknown): Signature;
  /** Tells a chord to wait for one part more. */
  growChord(groupId: string): Promise<void>;
}

/** A registered task. Subclass it and pass the class as `base` to hook into every run. */
export class Task<Args extends readonly unknown[] = readonly unknown[], Result = unknown> {
  readonly name: string;
  readonly options: TaskOptions;
  /** The function itself, as registered. */
  readonly run: TaskFunction;
  readonly sender: TaskSender;

  constructor(name: string, options: TaskOptions, run: TaskFunction, sender: TaskSender) {
    this.name = name;
    this.options = options;
    this.run = run;
    this.sender = sender;
  }

  /** Sends the task with these arguments. */
  delay(...args: Args): SentTask<Awaited<Result>> {
    return this.applyAsync(args, {});
  }

  /** Sends the task with these arguments and options. */
  applyAsync(args: Args, options: ApplyAsyncOptions = {}): SentTask<Awaited<Result>> {
    return this.sender.sendTask(this.name, args, options) as SentTask<Awaited<Result>>;
  }

  /** Writes a call down: `add.s(1, 2)` runs `add(1, 2)`; `add.s(2)` still needs the first argument, which a chain gives it. */
  s<Given extends Tail<Args>>(...given: Given): Signature<Missing<Args, Given>, Awaited<Result>> {
    return this.signature(given) as Signature<Missing<Args, Given>, Awaited<Result>>;
  }

  /** The same, immutable: it ignores the results it is called with. */
  si(...args: Args): Signature<AnyArgs, Awaited<Result>> {
    return this.signature(args, { immutable: true });
  }

  /** The same with keyword arguments and options. */
  signature(args: readonly unknown[] = [], options: SignatureOptions = {}): Signature<AnyArgs, Awaited<Result>> {
    return this.sender.signature(this.name, args, options) as Signature<AnyArgs, Awaited<Result>>;
  }

  /** One message that runs the task for each item, one after the other, in one worker. */
  map(items: Iterable<Args[0]>): Signature<AnyArgs, Awaited<Result>[]> {
    return this.each('celery.map', { it: [...items] }) as Signature<AnyArgs, Awaited<Result>[]>;
  }

  /** The same; each item is a list of arguments. */
  starmap(items: Iterable<Args>): Signature<AnyArgs, Awaited<Result>[]> {
    return this.each('celery.starmap', { it: [...items] }) as Signature<AnyArgs, Awaited<Result>[]>;
  }

  /** A group of messages, each of which runs the task for `size` lists of arguments. */
  chunks(items: Iterable<Args>, size: number): Signature<AnyArgs, Awaited<Result>[][], SentGroup<Awaited<Result>[][]>> {
    return this.each('celery.chunks', { it: [...items], n: size }) as Signature<
      AnyArgs,
      Awaited<Result>[][],
      SentGroup<Awaited<Result>[][]>
    >;
  }

  private each(name: string, kwargs: Readonly<Record<string, unknown>>): Signature<AnyArgs, unknown, unknown> {
    return this.sender.signature(name, [], { kwargs: { task: this.signature(), ...kwargs }, immutable: true });
  }

  /** Runs before the task function. */
  beforeStart(_taskId: string, _args: readonly unknown[], _kwargs: Readonly<Record<string, unknown>>): void | Promise<void> {}
  onSuccess(
    _value: unknown,
    _taskId: string,
    _args: readonly unknown[],
    _kwargs: Readonly<Record<string, unknown>>,
  ): void | Promise<void> {}
  onFailure(
    _error: unknown,
    _taskId: string,
    _args: readonly unknown[],
    _kwargs: Readonly<Record<string, unknown>>,
  ): void | Promise<void> {}
  onRetry(_error: unknown, _taskId: string, _args: readonly unknown[], _kwargs: Readonly<Record<string, unknown>>): void | Promise<void> {}
  /** Runs after the outcome is known, whatever it is. */
  afterReturn(
    _state: string,
    _value: unknown,
    _taskId: string,
    _args: readonly unknown[],
    _kwargs: Readonly<Record<string, unknown>>,
  ): void | Promise<void> {}
  /** Around the run: open what the task needs, `return run()`, close it. */
  call(run: () => unknown, _context: TaskContext): unknown {
    return run();
  }
}

/** What a bound task gets as first argument: the task, and this run of it. */
export interface TaskContext extends Task {
  readonly request: TaskRequest;
  readonly logger: Logger;
  /** Aborted at the soft time limit, on revoke and on a cold stop; `signal.reason` is the error. */
  readonly signal: AbortSignal;
  /** Makes the error that asks for another try: `throw task.retry({ countdown: 10 })`. */
  retry(options?: RetryOptions): Retry;
  /** Stores a state of your own, with `meta` as its result. */
  updateState(state: string, meta?: unknown): Promise<void>;
  /**
   * Hands this task's place to another, which gets its id and everything that was to follow: `throw task.replace(…)`.
   * A group in its place gives the list of its results.
   */
  replace(signature: SignatureLike): Replaced;
  /** Sends one task more whose result this chord waits for. @throws ConfigError when this task is part of no chord. */
  addToChord(signature: AnySignature): Promise<AnyResult>;
}

/** Thrown to run the task again later. Made by `task.retry()`. */
export class Retry extends Error {
  readonly options: RetryOptions;
  constructor(options: RetryOptions = {}) {
    super('Retry', options.exc === undefined ? undefined : { cause: options.exc });
    this.name = 'Retry';
    this.options = options;
  }
}

/** Thrown to end the task without any state being stored. */
export class Ignore extends Error {
  constructor(reason = '') {
    super(reason);
    this.name = 'Ignore';
  }
}

/** Thrown to let another task take this one's place. Made by `task.replace()`. */
export class Replaced extends Ignore {
  /** The signature of the other, as Celery's dict. */
  readonly replacement: unknown;
  constructor(replacement: unknown) {
    super('Replaced by new task');
    this.replacement = replacement;
  }
}

/** Thrown to reject the message itself; with `requeue` another worker gets it. Only of use with late acknowledgement. */
export class Reject extends Error {
  readonly requeue: boolean;
  constructor(reason = '', options: { readonly requeue?: boolean } = {}) {
    super(reason);
    this.name = 'Reject';
    this.requeue = options.requeue ?? false;
  }
}

/** Arrives through `task.signal` when the soft time limit is over. */
export class SoftTimeLimitExceeded extends Error {
  constructor(limitMs?: number) {
    super(limitMs === undefined ? '' : `SoftTimeLimitExceeded(${limitMs / 1000})`);
    this.name = 'SoftTimeLimitExceeded';
  }
}

/** Arrives through `task.signal` when the task was revoked while it ran. */
export class TaskRevoked extends Error {
  constructor(reason: 'revoked' | 'terminated') {
    super(reason);
    this.name = 'TaskRevokedError';
  }
}
