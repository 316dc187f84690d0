/**
 * The caller's handle on a task: its id, and everything the result backend will know about it.
 * Made by sending (then it is also a promise of the publish, see {@link SentTask}) or from an id.
 */
import { TaskError, WaitTimeoutError } from '../errors.js';
import { decodeException } from '../protocol/exception.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import { READY_STATES } from '../protocol/states.js';
import type { ResultBackend } from '../result-backend.js';

export interface GetOptions {
  /** Seconds; without it the wait has no end. */
  readonly timeout?: number;
  /** Throw when the task failed or was revoked; default true. Otherwise the error is returned. */
  readonly propagate?: boolean;
  /** Sees the states on the way: STARTED, RETRY, and those of your own. */
  readonly onUpdate?: (meta: ResultMeta) => void;
  readonly signal?: AbortSignal;
}

/** How a result reaches its backend: opened on first need, and shared. */
export type BackendSource = () => Promise<ResultBackend>;

export class AsyncResult<Result = unknown> {
  readonly id: string;
  /** The task before this one in a chain; known only to whoever built the chain. */
  readonly parent: AsyncResult | null;
  protected readonly backend: BackendSource;
  /** The first final meta seen: it never changes again, so it is asked for once. */
  private settled: ResultMeta | undefined;

  constructor(id: string, backend: BackendSource, parent: AsyncResult | null = null) {
    this.id = id;
    this.backend = backend;
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
    const backend = await this.backend();
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

  /** The tasks that this one sent, members of groups included. */
  async children(): Promise<readonly AsyncResult[]> {
    const trees = (await this.load())?.children ?? [];
    return trees.flatMap((tree) => this.fromTree(tree));
  }

  /** Removes the stored result. */
  async forget(): Promise<void> {
    const backend = await this.backend();
    await backend.forget(this.id);
    this.settled = undefined;
  }

  toString(): string {
    return this.id;
  }

  protected async waitForMeta(options: GetOptions): Promise<ResultMeta> {
    if (this.settled !== undefined) return this.settled;
    const timeout = timeoutSignal(options.timeout);
    const signals = [timeout?.signal, options.signal].filter((signal) => signal !== undefined);
    try {
      const backend = await this.backend();
      const meta = await backend.wait(this.id, {
        ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
        ...(options.onUpdate === undefined ? {} : { onUpdate: options.onUpdate }),
      });
      this.settled = meta;
      return meta;
    } finally {
      timeout?.cancel();
    }
  }

  private remember(meta: ResultMeta | undefined): ResultMeta | undefined {
    if (meta !== undefined && READY_STATES.has(meta.status)) this.settled = meta;
    return meta;
  }

  private errorOf(meta: ResultMeta): TaskError {
    return new TaskError(this.id, meta.status, decodeException(meta.result, meta.traceback));
  }

  private fromTree(tree: ResultTree): AsyncResult[] {
    const [[id], members] = tree;
    return members === null ? [new AsyncResult(id, this.backend, this)] : members.flatMap((member) => this.fromTree(member));
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

  constructor(id: string, backend: BackendSource, published: Promise<void>, parent: AsyncResult | null = null) {
    super(id, backend, parent);
    this.published = published;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- being awaitable is what this class is for
  then<Fulfilled = AsyncResult<Result>, Rejected = never>(
    onFulfilled?: ((result: AsyncResult<Result>) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    // The plain twin has no `then`: awaiting a thenable that resolves to itself would never end.
    return this.published.then(() => new AsyncResult<Result>(this.id, this.backend, this.parent)).then(onFulfilled, onRejected);
  }

  protected override async waitForMeta(options: GetOptions): Promise<ResultMeta> {
    await this.published;
    return super.waitForMeta(options);
  }
}

function timeoutSignal(seconds: number | undefined): { signal: AbortSignal; cancel(): void } | undefined {
  if (seconds === undefined || seconds === Number.POSITIVE_INFINITY) return undefined;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new WaitTimeoutError()), Math.max(seconds, 0) * 1000);
  return { signal: controller.signal, cancel: () => clearTimeout(timer) };
}
