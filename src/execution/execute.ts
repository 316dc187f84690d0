/**
 * Runs one task in this process and says how it ended. This is the only place that catches what user
 * code throws; from here on a failing task is a value.
 *
 * 1. arguments are put in the order of the parameters, Python's way
 * 2. `beforeStart`, the function (within `call`, if the class has one)
 * 3. what it returned or threw becomes an {@link Outcome}: retries are decided here
 * 4. `onSuccess`, `onFailure` or `onRetry`, then `afterReturn`
 *
 * A function that returns a plain value is answered at once; only what must be awaited costs promises.
 */
import type { Outcome } from './outcome.js';
import type { AbortReason, PoolWatch } from '../pool.js';
import { SoftTimeLimitExceeded, Task, TaskRevoked } from '../task.js';
import { openTelemetry } from '../tracing/open-telemetry.js';
import { tracedRun } from '../tracing/spans.js';
import { Binder } from './bind-arguments.js';
import { abortedOutcome, ended, type Ending, notRegistered, returned, thrownBy } from './ending.js';
import type { ExecutionEnvironment } from './environment.js';
import type { Invocation } from './invocation.js';
import { Run, within } from './task-context.js';
import { handlersOf, type HandlerName, runSignal, somebodyListens, tell } from './telling.js';
import { type Deadline, TimeLimits } from './time-limits.js';

/** A task with what can be found out about it once and for all. */
interface PreparedTask {
  readonly task: Task;
  readonly binder: Binder;
  readonly bound: boolean;
  readonly wraps: boolean;
  /** Overridden handlers: what is not there is not called. */
  readonly handlers: ReadonlySet<HandlerName>;
}

export class Executor {
  private readonly environment: ExecutionEnvironment;
  private readonly limits: TimeLimits;
  private readonly prepared = new Map<string, PreparedTask>();
  private readonly traces = openTelemetry() !== undefined;
  private readonly call = (run: Run): unknown => this.callTask(run);
  /** Runs that wait for something. */
  private readonly attended = new Set<PoolWatch>();
  private leftBehind = 0;
  private idleListeners: (() => void)[] = [];

  constructor(environment: ExecutionEnvironment) {
    this.environment = environment;
    this.limits = new TimeLimits(environment.clock);
  }

  execute(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome> {
    return this.traces ? tracedRun(invocation, () => this.run(invocation, watch)) : this.run(invocation, watch);
  }

  private run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome> {
    const prepared = this.prepare(invocation.taskName);
    if (prepared === undefined) return notRegistered(invocation.taskName);
    const run = new Run(invocation, prepared.task, this.environment);
    watch.started(process.pid);
    if (prepared.handlers.size > 0 || somebodyListens(this.environment)) return this.accompany(run, prepared, watch);
    const limited = invocation.timeLimitMs !== undefined || invocation.softTimeLimitMs !== undefined;
    const startedMs = limited ? this.environment.clock.monotonicMs() : 0;
    let pending: PromiseLike<unknown>;
    try {
      const value = within(run, this.call, run);
      if (!isThenable(value)) return this.finishNow(run, returned(run, value));
      pending = value instanceof Promise ? value : Promise.resolve(value); // a foreign `then` may itself throw
    } catch (thrown) {
      return this.finishNow(run, thrownBy(run, thrown));
    }
    return this.attend(run, pending, watch, startedMs);
  }

  /** Ends every run that waits for something. */
  abortAll(reason: AbortReason): void {
    for (const watch of [...this.attended]) watch.abort?.(reason);
  }

  /** Resolves when no run waits for anything. */
  idle(): Promise<void> {
    if (this.attended.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  /** How many runs have ended while their code goes on: at a soft limit, by an uncaught exception, cut off. */
  get leftovers(): number {
    return this.leftBehind;
  }

  private left(watch: PoolWatch): void {
    watch.abort = undefined;
    this.attended.delete(watch);
    if (this.attended.size === 0 && this.idleListeners.length > 0) for (const resolve of this.idleListeners.splice(0)) resolve();
  }

  private prepare(name: string): PreparedTask | undefined {
    const known = this.prepared.get(name);
    if (known !== undefined) return known;
    const task = this.environment.tasks.get(name);
    if (task === undefined) return undefined;
    const bound = task.options.bind === true;
    const prepared: PreparedTask = {
      task,
      bound,
      binder: new Binder(task.run, {
        name: task.run.name === '' ? name.slice(name.lastIndexOf('.') + 1) : task.run.name,
        skip: bound ? 1 : 0,
        strict: task.options.typing !== false,
      }),
      wraps: task.call !== Task.prototype.call,
      handlers: handlersOf(task),
    };
    this.prepared.set(name, prepared);
    return prepared;
  }

  private callTask(run: Run): unknown {
    const prepared = this.prepare(run.invocation.taskName) as PreparedTask;
    const { task } = prepared;
    const given = prepared.binder.bind(run.invocation.args, run.invocation.kwargs);
    const args = prepared.bound ? [run.context, ...given] : given;
    if (prepared.wraps) return task.call(() => Reflect.apply(task.run, undefined, args), run.context);
    return Reflect.apply(task.run, undefined, args);
  }

  /** The outcome of a run that needed no waiting; unless something of it is still on its way. */
  private finishNow(run: Run, { outcome }: Ending): Outcome | Promise<Outcome> {
    run.end();
    return run.pending === undefined ? outcome : run.pending.then(() => outcome);
  }

  /** Waits for the task's promise, its limits, or somebody who ends it from outside: whichever comes first. */
  private attend(run: Run, pending: PromiseLike<unknown>, watch: PoolWatch, startedMs: number): Promise<Outcome> {
    const { softTimeLimitMs, timeLimitMs } = run.invocation;
    this.attended.add(watch);
    return new Promise((resolve) => {
      let soft: Deadline | undefined;
      let hard: Deadline | undefined;
      let codeRuns = true;
      const end = (ending: Ending): void => {
        if (!run.end()) return;
        soft?.release();
        hard?.release();
        run.fail = undefined;
        if (codeRuns) this.leftBehind += 1;
        this.left(watch);
        if (run.pending === undefined || run.isGivenUp) resolve(ending.outcome);
        else void run.pending.then(() => resolve(ending.outcome));
      };
      /** The code has ended; false when its run had ended before. */
      const inTime = (): boolean => {
        codeRuns = false;
        if (run.hasEnded) this.leftBehind -= 1;
        return !run.hasEnded;
      };
      pending.then(
        (value) => {
          if (inTime()) end(returned(run, value));
        },
        (thrown: unknown) => {
          if (inTime()) end(thrownBy(run, thrown));
        },
      );
      run.fail = (error) => end(thrownBy(run, error));
      watch.abort = (reason, signal) => {
        if (reason === 'revoked') {
          run.abort(new TaskRevoked('revoked'));
          return;
        }
        run.isGivenUp = true;
        run.abort(reason === 'terminated' ? new TaskRevoked('terminated') : new Error(`the run was given up: ${reason}`));
        end(ended(abortedOutcome(reason, signal)));
      };
      if (softTimeLimitMs !== undefined && (timeLimitMs === undefined || softTimeLimitMs < timeLimitMs)) {
        soft = this.limits.arm(
          softTimeLimitMs,
          () => {
            soft = this.softLimit(run, watch, softTimeLimitMs, end);
          },
          startedMs,
        );
      }
      if (timeLimitMs !== undefined) {
        const expired = (): void => {
          run.abort(new Error(`TimeLimitExceeded(${timeLimitMs / 1000})`));
          end(ended({ kind: 'timed-out', limitMs: timeLimitMs }));
        };
        hard = this.limits.arm(timeLimitMs, expired, startedMs);
      }
    });
  }

  /**
   * A task that has taken its signal is told, and may clean up or carry on, as Python code that catches
   * the exception may. One that has not cannot hear it: its run ends here, as it does in Python when nobody
   * catches (what it started keeps going; only a process of its own could be stopped).
   */
  private softLimit(run: Run, watch: PoolWatch, limitMs: number, end: (ending: Ending) => void): Deadline | undefined {
    watch.softLimitExceeded(limitMs);
    const error = new SoftTimeLimitExceeded();
    const listens = run.listens;
    run.abort(error);
    if (!listens) end(thrownBy(run, error));
    else if (run.invocation.softGraceMs !== undefined) return this.limits.arm(run.invocation.softGraceMs, () => end(thrownBy(run, error)));
    return undefined;
  }

  /** With handlers or listeners: the same, and they are told. */
  private accompany(run: Run, prepared: PreparedTask, watch: PoolWatch): Promise<Outcome> {
    const startedMs = this.environment.clock.monotonicMs();
    let raised: Ending | undefined;
    const call = async (): Promise<unknown> => {
      const { args, kwargs, id } = run.invocation;
      await this.environment.signals.taskPrerun.send(runSignal(run));
      if (prepared.handlers.has('beforeStart')) await run.task.beforeStart(id, args, kwargs);
      const value = await this.callTask(run);
      raised = returned(run, value);
      return value;
    };
    const observed = within(run, call, undefined).catch((thrown: unknown) => {
      raised = thrownBy(run, thrown);
      throw thrown;
    });
    return this.attend(run, observed, watch, startedMs).then(async (outcome) => {
      const thing = raised !== undefined && raised.outcome.kind === outcome.kind ? raised.thing : undefined;
      await within(run, () => tell(this.environment, run, prepared.handlers, { outcome, thing }), undefined);
      return outcome;
    });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
