/**
 * The caller's handle on a group: the handles of its members, in their order. Nothing is stored for a
 * group unless it is saved (WIRE 7.5).
 */
import { TaskError, WaitTimeoutError } from '../errors.js';
import type { ResultTree } from '../protocol/result-meta.js';
import { type ChordStore, chordsOf } from '../result-backend.js';
import { type GetOptions, timeoutSignal } from './async-result.js';
import type { AnyResult, ResultSource, RevokeOptions } from './result-source.js';

/** The results of a group's parts, in their order. */
export class GroupResult<Results extends readonly unknown[] = readonly unknown[]> implements Iterable<AnyResult> {
  readonly id: string;
  /** The members; a group among them has members of its own. */
  readonly results: readonly AnyResult[];
  /** What ran before it in a chain. */
  readonly parent: AnyResult | null;
  protected readonly source: ResultSource;

  constructor(id: string, results: readonly AnyResult[], source: ResultSource, parent: AnyResult | null = null) {
    this.id = id;
    this.results = results;
    this.source = source;
    this.parent = parent;
  }

  get length(): number {
    return this.results.length;
  }

  [Symbol.iterator](): Iterator<AnyResult> {
    return this.results[Symbol.iterator]();
  }

  /**
   * Waits for all members.
   *
   * @returns Their values in order; with `propagate: false` the {@link TaskError} of each that failed.
   * @throws {@link TaskError} as soon as one of them fails.
   * @throws {@link WaitTimeoutError} when `timeout` seconds went by for the whole.
   */
  async get(options: GetOptions = {}): Promise<Results> {
    const { timeout, ...rest } = options;
    const limit = timeoutSignal(timeout, `group ${this.id}`);
    const given = [limit?.signal, options.signal].filter((signal) => signal !== undefined);
    const ended = new AbortController();
    const each = { ...rest, signal: AbortSignal.any([...given, ended.signal]) };
    try {
      return (await Promise.all(this.results.map((result) => result.get(each)))) as unknown as Results;
    } finally {
      limit?.cancel();
      // After the first error nobody waits for the others any more.
      ended.abort(new WaitTimeoutError());
    }
  }

  /** Celery's other name for {@link get}. */
  join(options: GetOptions = {}): Promise<Results> {
    return this.get(options);
  }

  /** Celery's name for joining by the backend's push; here every join is one. */
  joinNative(options: GetOptions = {}): Promise<Results> {
    return this.get(options);
  }

  /** The members' values as they come, each with its handle; a failure comes as a {@link TaskError} or is thrown. */
  async *iterate(options: GetOptions = {}): AsyncGenerator<readonly [result: AnyResult, value: unknown], void> {
    const { propagate, timeout, ...rest } = options;
    const limit = timeoutSignal(timeout, `group ${this.id}`);
    const signals = [limit?.signal, options.signal].filter((signal) => signal !== undefined);
    const each = { ...rest, propagate: false, ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }) } as const;
    const pending = new Map(
      this.results.map((result) => [result, result.get(each).then((value: unknown) => [result, value] as const)] as const),
    );
    for (const wait of pending.values()) wait.catch(() => {});
    try {
      while (pending.size > 0) {
        const [result, value] = await Promise.race(pending.values());
        pending.delete(result);
        if (propagate !== false && value instanceof TaskError) throw value;
        yield [result, value];
      }
    } finally {
      limit?.cancel();
    }
  }

  async ready(): Promise<boolean> {
    return (await this.each((result) => result.ready())).every(Boolean);
  }

  /** Whether some member has not ended yet. */
  async waiting(): Promise<boolean> {
    return !(await this.ready());
  }

  async successful(): Promise<boolean> {
    return (await this.each((result) => result.successful())).every(Boolean);
  }

  /** Whether some member has failed. */
  async failed(): Promise<boolean> {
    return (await this.each((result) => result.failed())).some(Boolean);
  }

  /** How many members have succeeded. */
  async completedCount(): Promise<number> {
    return (await this.each((result) => result.successful())).filter(Boolean).length;
  }

  children(): Promise<readonly AnyResult[]> {
    return Promise.resolve(this.results);
  }

  /** Removes the stored results of all members. */
  async forget(): Promise<void> {
    await this.each((result) => result.forget());
  }

  /** Tells all workers not to run them; with `terminate` also to end them where they run. */
  revoke(options: RevokeOptions = {}): Promise<void> {
    return this.source.revoke(taskIds(this.results), options);
  }

  /** Keeps the list of members, so that `app.GroupResult.restore(id)` finds them. */
  async save(): Promise<void> {
    await (await this.store()).saveGroup(this.id, this.asTree());
  }

  /** Removes what {@link save} kept; the members' results stay. */
  async delete(): Promise<void> {
    await (await this.store()).deleteGroup(this.id);
  }

  /** As results and groups are stored (WIRE 7.4). */
  asTree(): ResultTree {
    return [[this.id, this.parent?.asTree() ?? null], this.results.map((result) => result.asTree())];
  }

  toString(): string {
    return this.id;
  }

  private each<T>(ask: (result: AnyResult) => Promise<T>): Promise<T[]> {
    return Promise.all(this.results.map(ask));
  }

  private async store(): Promise<ChordStore> {
    return chordStoreOf(this.source);
  }
}

/** @throws ResultBackendError when the backend keeps no groups. */
export async function chordStoreOf(source: Pick<ResultSource, 'backend'>): Promise<ChordStore> {
  return chordsOf(await source.backend());
}

function taskIds(results: readonly AnyResult[]): string[] {
  return results.flatMap((result) => (result instanceof GroupResult ? taskIds(result.results) : [result.id]));
}

/** What sending a group returns: usable at once, and awaitable until the broker has all messages; see `SentTask`. */
export class SentGroup<Results extends readonly unknown[] = readonly unknown[]>
  extends GroupResult<Results>
  implements PromiseLike<GroupResult<Results>>
{
  /** Resolves once the broker has all messages. */
  readonly published: Promise<void>;

  constructor(id: string, results: readonly AnyResult[], source: ResultSource, published: Promise<void>, parent: AnyResult | null = null) {
    super(id, results, source, parent);
    this.published = published;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- being awaitable is what this class is for
  then<Fulfilled = GroupResult<Results>, Rejected = never>(
    onFulfilled?: ((result: GroupResult<Results>) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.published
      .then(() => new GroupResult<Results>(this.id, this.results, this.source, this.parent))
      .then(onFulfilled, onRejected);
  }

  override async get(options: GetOptions = {}): Promise<Results> {
    await this.published;
    return super.get(options);
  }
}
