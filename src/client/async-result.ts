/**
 * The caller's handle on a task: its id, and everything the result backend will know about it.
 * Made by sending (then it is also a promise of the publish, see {@link SentTask}) or from an id.
 */
import { setMaxListeners } from 'node:events';
import { TaskError, WaitTimeoutError } from '../errors.js';
import { decodeException } from '../protocol/exception.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { READY_STATES } from '../protocol/states.js';
import type { AnyResult, ResultSource, RevokeOptions } from './result-source.js';
import { dependencyGraph, type ResultGraph, walk } from './result-walk.js';

/** How to wait for a result. */
export interface GetOptions {
  /** Seconds; without it the wait has no end. */
  readonly timeout?: number;
  /** Throw when the task failed or was revoked; default true. Otherwise the error is returned. */
  readonly propagate?: boolean;
  /** Sees the states on the way: STARTED, RETRY, and those of your own. */
  readonly onUpdate?: (meta: ResultMeta) => void;
  readonly signal?: AbortSignal;
}

/** The result of one task, which may be there already, come later or never. Asking costs a look at the result backend; waiting is told by it. */
export class AsyncResult<Result = unknown> {
  readonly id: string;
  /** What ran before this one in a chain or chord; known only to whoever built it. */
  readonly parent: AnyResult | null;
  protected readonly source: ResultSource;
  /** The first final meta seen: it never changes again, so it is asked for once. */
  private settled: ResultMeta | undefined;

  constructor(id: string, source: ResultSource, parent: AnyResult | null = null) {
    this.id = id;
    this.source = source;
    this.parent = parent;
  }

  /**
   * Waits for the task to end.
   *
   * @returns Its value; or, with `propagate: false`, the {@link TaskError} of a task that failed.
   * @throws {@link TaskError} when the task failed or was revoked.
   * @throws {@link WaitTimeoutError} when `timeout` seconds went by; the task may still finish.
   */
  async get(options: GetOptions & { readonly propagate: false }): Promise<Result | TaskError>;
  async get(options?: GetOptions): Promise<Result>;
  async get(options: GetOptions = {}): Promise<Result | TaskError> {
    const meta = await this.waitForMeta(options);
    if (meta.status === 'SUCCESS') return meta.result as Result;
    const error = this.errorOf(meta);
    if (options.propagate === false) return error;
    throw error;
  }

  /** Celery's other name for {@link get}. */
  wait(options: GetOptions = {}): Promise<Result> {
    return this.get(options);
  }

  /** The stored document, or undefined while there is none (Celery's PENDING). */
  async load(): Promise<ResultMeta | undefined> {
    if (this.settled !== undefined) return this.settled;
    const backend = await this.source.backend();
    return this.remember(await backend.load(this.id));
  }

  /** PENDING while nothing is stored. */
  async state(): Promise<string> {
    return (await this.load())?.status ?? 'PENDING';
  }

  async ready(): Promise<boolean> {
    return READY_STATES.has(await this.state());
  }

  async successful(): Promise<boolean> {
    return (await this.state()) === 'SUCCESS';
  }

  async failed(): Promise<boolean> {
    return (await this.state()) === 'FAILURE';
  }

  /** The value, the error of a failed or retried task, the meta of a custom state; null while there is none. */
  async result(): Promise<Result | TaskError | unknown> {
    const meta = await this.load();
    if (meta === undefined) return null;
    const isError = meta.status === 'FAILURE' || meta.status === 'RETRY' || meta.status === 'REVOKED';
    return isError && meta.result !== null ? this.errorOf(meta) : meta.result;
  }

  async traceback(): Promise<string | null> {
    return (await this.load())?.traceback ?? null;
  }

  /** The tasks and groups that this one sent. */
  async children(): Promise<readonly AnyResult[]> {
    return ((await this.load())?.children ?? []).map((tree) => this.source.fromTree(tree, this));
  }

  /**
   * Waits for this task and everything that came out of it, breadth first.
   *
   * @throws {@link TaskError} for the first that failed, unless `propagate` is false.
   */
  async *collect(options: GetOptions = {}): AsyncGenerator<readonly [result: AnyResult, value: unknown], void> {
    for await (const { result } of walk(this)) yield [result, await result.get(options)];
  }

  /** The value of the last task that came out of this one. */
  async getLeaf(options: GetOptions = {}): Promise<unknown> {
    let value: unknown;
    for await (const [, next] of this.collect(options)) value = next;
    return value;
  }

  /** Who sent whom, as far as it is stored by now. */
  graph(): Promise<ResultGraph> {
    return dependencyGraph(this);
  }

  /** Removes the stored result, and those of what came before it. */
  async forget(): Promise<void> {
    await this.parent?.forget();
    const backend = await this.source.backend();
    await backend.forget(this.id);
    this.settled = undefined;
  }

  /** Tells all workers not to run it; with `terminate` also to end it where it runs. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.source.revoke([this.id], options);
  }

  /** This result and what came before it, as results and groups are stored (WIRE 7.4). */
  asTree(): ResultTree {
    return [[this.id, this.parent?.asTree() ?? null], null];
  }

  toString(): string {
    return this.id;
  }

  protected async waitForMeta(options: GetOptions): Promise<ResultMeta> {
    if (this.settled !== undefined) return this.settled;
    const timeout = timeoutSignal(options.timeout, `task ${this.id}`);
    const ended = new AbortController();
    // Every step of a long chain listens; Node takes more than ten for a leak.
    setMaxListeners(0, ended.signal);
    const signals = [timeout?.signal, options.signal].filter((signal) => signal !== undefined);
    try {
      const backend = await this.source.backend();
      const own = backend.wait(this.id, {
        ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
        ...(options.onUpdate === undefined ? {} : { onUpdate: options.onUpdate }),
      });
      const meta = await (this.parent === null || options.propagate === false ? own : Promise.race([own, this.parentError(ended.signal)]));
      this.settled = meta;
      return meta;
    } finally {
      timeout?.cancel();
      ended.abort();
    }
  }

  /**
   * Rejects when a task before this one has failed: it will then never run, and nothing may ever be stored
   * for it (Celery's `follow_parents`). Groups are not watched: the body of a chord hears of its header.
   */
  private async parentError(signal: AbortSignal): Promise<never> {
    const backend = await this.source.backend();
    return new Promise((_resolve, reject) => {
      for (let before = this.parent; before !== null; before = before.parent) {
        const task = before;
        if (!(task instanceof AsyncResult)) continue;
        backend.wait(task.id, { signal }).then(
          (meta) => (meta.status === 'SUCCESS' ? undefined : reject(task.errorOf(meta))),
          // Given up, or the connection is lost: waiting for the task itself says so.
          () => undefined,
        );
      }
    });
  }

  private remember(meta: ResultMeta | undefined): ResultMeta | undefined {
    if (meta !== undefined && READY_STATES.has(meta.status)) this.settled = meta;
    return meta;
  }

  private errorOf(meta: ResultMeta): TaskError {
    return new TaskError(this.id, meta.status, decodeException(meta.result, meta.traceback));
  }
}

/**
 * What sending returns: usable at once (`sent.id`, `sent.get()`), and awaitable until the broker has
 * the message: `await add.delay(1, 2)` gives the plain {@link AsyncResult}, or throws what the
 * publish threw. A publish that fails and that nobody awaited is an unhandled rejection, as any
 * forgotten promise: a lost task must not be silent.
 */
export class SentTask<Result = unknown> extends AsyncResult<Result> implements PromiseLike<AsyncResult<Result>> {
  /** Resolves once the broker has the message. */
  readonly published: Promise<void>;

  constructor(id: string, source: ResultSource, published: Promise<void>, parent: AnyResult | null = null) {
    super(id, source, parent);
    this.published = published;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- being awaitable is what this class is for
  then<Fulfilled = AsyncResult<Result>, Rejected = never>(
    onFulfilled?: ((result: AsyncResult<Result>) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    // The plain twin has no `then`: awaiting a thenable that resolves to itself would never end.
    return this.published.then(() => new AsyncResult<Result>(this.id, this.source, this.parent)).then(onFulfilled, onRejected);
  }

  protected override async waitForMeta(options: GetOptions): Promise<ResultMeta> {
    await this.published;
    return super.waitForMeta(options);
  }
}

/** A signal that goes off after so many seconds; undefined when they never end. `what` is not ready then. */
export function timeoutSignal(seconds: number | undefined, what: string): { signal: AbortSignal; cancel(): void } | undefined {
  if (seconds === undefined || seconds === Number.POSITIVE_INFINITY) return undefined;
  const controller = new AbortController();
  const giveUp = (): void => {
    const hint = 'it may still finish; ctq find tells where it is, ctq queues whether anybody takes from its queue';
    controller.abort(new WaitTimeoutError(`${what} is not ready after ${seconds} s`, { hint }));
  };
  const timer = setTimeout(giveUp, Math.max(seconds, 0) * 1000);
  return { signal: controller.signal, cancel: () => clearTimeout(timer) };
}
