/**
 * One run of a task, and what its code may see of it. `currentTask()` works anywhere below the task's
 * function, however many awaits away; so does the parent a client finds for the tasks it sends.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from '../logger.js';
import type { ResultTree } from '../protocol/result-meta.js';
import { addedToChord, replacementFor } from '../canvas/replace.js';
import { nodeToJson } from '../canvas/node-json.js';
import { type AnySignature, nodeOf, type SignatureLike } from '../canvas/signature.js';
import { Replaced, Retry, type RetryOptions, type Task, type TaskContext } from '../task.js';
import type { ExecutionEnvironment } from './environment.js';
import type { Invocation, TaskRequest } from './invocation.js';

/** A run as the rest of ctq sees it. */
export class Run {
  readonly invocation: Invocation;
  readonly task: Task;
  private readonly environment: ExecutionEnvironment;
  /** The tasks it sent; undefined while there are none. */
  children: ResultTree[] | undefined;
  /** What must be over before the outcome may be stored: states of its own, tasks that it sent and did not await. */
  pending: Promise<unknown> | undefined;
  /** States are stored in the order in which the task told them. */
  private lastState: Promise<void> | undefined;
  private ended = false;
  private madeContext: TaskContext | undefined;
  private madeLogger: Logger | undefined;
  private controller: AbortController | undefined;
  private abortReason: Error | undefined;
  /** Ended from outside: nothing of it is waited for any more. */
  isGivenUp = false;
  /** Put here by whoever awaits the run: ends it with this error, as if the task had thrown it. */
  fail: ((error: unknown) => void) | undefined;

  constructor(invocation: Invocation, task: Task, environment: ExecutionEnvironment) {
    this.invocation = invocation;
    this.task = task;
    this.environment = environment;
  }

  get request(): TaskRequest {
    return this.invocation.request;
  }

  /** The same run as another task's: `celery.map` runs that task here. */
  contextOf(task: Task): TaskContext {
    return new Proxy(task, new RunProxy(this)) as TaskContext;
  }

  /** What a bound task gets as first argument. */
  get context(): TaskContext {
    this.madeContext ??= this.contextOf(this.task);
    return this.madeContext;
  }

  get logger(): Logger {
    this.madeLogger ??= this.environment.logger.child({ task_id: this.invocation.id, task_name: this.invocation.taskName });
    return this.madeLogger;
  }

  /** Made when first asked for: most tasks never look. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.abortReason !== undefined) this.controller.abort(this.abortReason);
    }
    return this.controller.signal;
  }

  /** True once the task has taken its signal: it can then react by itself. */
  get listens(): boolean {
    return this.controller !== undefined;
  }

  abort(reason: Error): void {
    this.abortReason ??= reason;
    // Its listeners are the task's own code, whoever ends it: what they print is the task's.
    const { controller } = this;
    if (controller !== undefined) within(this, () => controller.abort(reason), undefined);
  }

  /** What its signal tells, or would. */
  get abortedWith(): Error | undefined {
    return this.abortReason;
  }

  /** Node's own functions throw an AbortError of theirs around the reason; what the task was told is what counts. */
  isAbortOf(thrown: unknown): boolean {
    return this.abortReason !== undefined && thrown instanceof Error && thrown.name === 'AbortError' && thrown.cause === this.abortReason;
  }

  get hasEnded(): boolean {
    return this.ended;
  }

  /** False when it had ended already: a run ends once, whatever its code does afterwards. */
  end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    return true;
  }

  /** Notes a task that this one has sent, for the `children` of its result. */
  addChild(child: ResultTree): void {
    (this.children ??= []).push(child);
  }

  /** The outcome waits for this, however it ends; whoever else awaits it hears of its error. */
  waitFor(work: Promise<unknown>): void {
    const quiet = work.catch(() => {});
    this.pending = this.pending === undefined ? quiet : Promise.all([this.pending, quiet]);
  }

  async updateState(state: string, meta: unknown): Promise<void> {
    if (this.ended) {
      this.logger.warning(
        'Task %s[%s] has ended; its state %s is not stored any more',
        this.invocation.taskName,
        this.invocation.id,
        state,
      );
      return;
    }
    const stored = (this.lastState ?? Promise.resolve()).then(() => this.environment.storeState(this.invocation.request, state, meta));
    this.lastState = stored.catch(() => {});
    this.waitFor(stored);
    return stored;
  }
}

/**
 * The task itself, with what belongs to one run in front of it. Everything else goes to the real task
 * object, `this` included: a connection that a base class keeps in a field is then kept for all runs
 * (and its `#private` fields work), where an object that merely inherits would open one each time.
 */
class RunProxy implements ProxyHandler<Task> {
  private readonly run: Run;

  constructor(run: Run) {
    this.run = run;
  }

  get(task: Task, property: string | symbol): unknown {
    const { run } = this;
    switch (property) {
      case 'request':
        return run.request;
      case 'logger':
        return run.logger;
      case 'signal':
        return run.signal;
      case 'retry':
        return (options?: RetryOptions) => new Retry(options);
      case 'updateState':
        return (state: string, meta?: unknown) => run.updateState(state, meta);
      case 'replace':
        return (signature: SignatureLike) => new Replaced(nodeToJson(replacementFor(run.request, nodeOf(signature))));
      case 'addToChord':
        return (signature: AnySignature) => addToChord(run, signature);
      case 'constructor':
        return task.constructor;
      default: {
        const value: unknown = Reflect.get(task, property, task);
        return typeof value === 'function' ? (value.bind(task) as unknown) : value;
      }
    }
  }

  has(task: Task, property: string | symbol): boolean {
    return (
      ['request', 'logger', 'signal', 'retry', 'updateState', 'replace', 'addToChord'].includes(String(property)) ||
      Reflect.has(task, property)
    );
  }

  set(task: Task, property: string | symbol, value: unknown): boolean {
    return Reflect.set(task, property, value, task);
  }
}

async function addToChord({ request, task }: Run, signature: AnySignature): ReturnType<TaskContext['addToChord']> {
  const { node, groupId } = addedToChord(request, nodeOf(signature));
  // First: the new part must not be counted before the chord waits for it.
  await task.sender.growChord(groupId);
  return task.sender.reviveSignature(nodeToJson(node)).delay();
}

const runs = new AsyncLocalStorage<Run>();

/** Calls `fn` with `argument` so that `run` is the current one within. */
export function within<Argument, Result>(run: Run, fn: (argument: Argument) => Result, argument: Argument): Result {
  return runs.run(run, fn, argument);
}

/** The run that the calling code belongs to; undefined outside of tasks. */
export function currentRun(): Run | undefined {
  return runs.getStore();
}

/** The context of the task that the calling code belongs to; undefined outside of tasks. */
export function currentTask(): TaskContext | undefined {
  return runs.getStore()?.context;
}
