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
import { describeError, namedError } from '../protocol/exception.js';
import type { Outcome } from './outcome.js';
import { formatIsoDate } from '../protocol/iso-date.js';
import { argsRepr, kwargsRepr } from '../protocol/python-repr.js';
import type { AbortReason, PoolWatch } from '../pool.js';
import { type RetryOptions, SoftTimeLimitExceeded, Task, TaskRevoked } from '../task.js';
import { openTelemetry } from '../tracing/open-telemetry.js';
import { tracedRun } from '../tracing/spans.js';
import { ArgumentError, Binder } from './bind-arguments.js';
import type { ExecutionEnvironment } from './environment.js';
import type { Invocation } from './invocation.js';
import { autoretry, isOneOf, retriesExhausted, retryCountdownS } from './retry-policy.js';
import { isReplacement, speechOf } from './speech.js';
import { Run, within } from './task-context.js';
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

type HandlerName = 'beforeStart' | 'onSuccess' | 'onFailure' | 'onRetry' | 'afterReturn';
const HANDLERS: readonly HandlerName[] = ['beforeStart', 'onSuccess', 'onFailure', 'onRetry', 'afterReturn'];

/** How a run ended, with the thing itself for handlers and signals. */
interface Ending {
  readonly outcome: Outcome;
  readonly thing: unknown;
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
    if (prepared.handlers.size > 0 || this.somebodyListens()) return this.accompany(run, prepared, watch);
    const limited = invocation.timeLimitMs !== undefined || invocation.softTimeLimitMs !== undefined;
    const startedMs = limited ? this.environment.clock.monotonicMs() : 0;
    let pending: PromiseLike<unknown>;
    try {
      const value = within(run, this.call, run);
      if (!isThenable(value)) return this.finishNow(run, this.returned(run, value));
      pending = value instanceof Promise ? value : Promise.resolve(value); // a foreign `then` may itself throw
    } catch (thrown) {
      return this.finishNow(run, this.thrown(run, thrown));
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
      handlers: new Set(HANDLERS.filter((handler) => task[handler] !== Task.prototype[handler])),
    };
    this.prepared.set(name, prepared);
    return prepared;
  }

  private somebodyListens(): boolean {
    const { taskPrerun, taskPostrun, taskSuccess, taskFailure, taskRetry } = this.environment.signals;
    return taskPrerun.connected || taskPostrun.connected || taskSuccess.connected || taskFailure.connected || taskRetry.connected;
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
          if (inTime()) end(this.returned(run, value));
        },
        (thrown: unknown) => {
          if (inTime()) end(this.thrown(run, thrown));
        },
      );
      run.fail = (error) => end(this.thrown(run, error));
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
    if (!listens) end(this.thrown(run, error));
    else if (run.invocation.softGraceMs !== undefined)
      return this.limits.arm(run.invocation.softGraceMs, () => end(this.thrown(run, error)));
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
      raised = this.returned(run, value);
      return value;
    };
    const observed = within(run, call, undefined).catch((thrown: unknown) => {
      raised = this.thrown(run, thrown);
      throw thrown;
    });
    return this.attend(run, observed, watch, startedMs).then(async (outcome) => {
      const thing = raised !== undefined && raised.outcome.kind === outcome.kind ? raised.thing : undefined;
      await within(run, () => this.tell(run, prepared, { outcome, thing }), undefined);
      return outcome;
    });
  }

  /** Handlers and signals after the end. What they throw changes nothing: the outcome is known. */
  private async tell(run: Run, prepared: PreparedTask, { outcome, thing }: Ending): Promise<void> {
    const { signals } = this.environment;
    const { id, args, kwargs } = run.invocation;
    const { task } = run;
    const about = runSignal(run);
    switch (outcome.kind) {
      case 'success':
        await this.callHandler(run, prepared, 'onSuccess', () => task.onSuccess(thing, id, args, kwargs));
        await signals.taskSuccess.send({ ...about, result: thing });
        break;
      case 'failure':
        await this.callHandler(run, prepared, 'onFailure', () => task.onFailure(thing, id, args, kwargs));
        await signals.taskFailure.send({ ...about, exception: thing, traceback: outcome.error.traceback });
        break;
      case 'retry':
        await this.callHandler(run, prepared, 'onRetry', () => task.onRetry(thing, id, args, kwargs));
        await signals.taskRetry.send({ ...about, reason: thing });
        break;
      default:
        break;
    }
    const state = STATE_OF[outcome.kind];
    if (outcome.kind === 'success' || outcome.kind === 'failure') {
      await this.callHandler(run, prepared, 'afterReturn', () => task.afterReturn(state, thing, id, args, kwargs));
    }
    await signals.taskPostrun.send({ ...about, state, retval: thing });
  }

  private async callHandler(run: Run, prepared: PreparedTask, name: HandlerName, call: () => unknown): Promise<void> {
    if (!prepared.handlers.has(name)) return;
    try {
      await call();
    } catch (error) {
      run.logger.error('%s of task %s[%s] raised:\n%s', name, run.invocation.taskName, run.invocation.id, describeError(error).traceback);
    }
  }

  private returned(run: Run, value: unknown): Ending {
    return isReplacement(value) ? this.thrown(run, value) : success(run, value);
  }

  private thrown(run: Run, thrown: unknown): Ending {
    try {
      return this.understood(run, run.isAbortOf(thrown) ? run.signal.reason : thrown);
    } catch {
      return { outcome: { kind: 'failure', error: describeError(thrown), expected: false }, thing: thrown }; // it throws when looked at
    }
  }

  private understood(run: Run, thrown: unknown): Ending {
    const { task, invocation } = run;
    // It was told that it is revoked, and has stopped because of that.
    if (thrown instanceof TaskRevoked && run.abortedWith === thrown) return { outcome: abortedOutcome('revoked'), thing: thrown };
    const speech = speechOf(thrown);
    switch (speech?.kind) {
      case 'ignore':
        return { outcome: { ...speech, kind: 'ignored' }, thing: thrown };
      case 'reject':
        return { outcome: { kind: speech.requeue ? 'requeued' : 'rejected', reason: speech.reason }, thing: thrown };
      case 'retry':
        return retryOrFail(run, speech.options);
      default: {
        const retry = thrown instanceof ArgumentError ? undefined : autoretry(task.options, thrown, invocation.request.retries);
        return retry === undefined ? failure(run, thrown) : retryOrFail(run, retry);
      }
    }
  }
}

/** Celery's state for `taskPostrun`. */
const STATE_OF: Readonly<Record<Outcome['kind'], string>> = {
  success: 'SUCCESS',
  failure: 'FAILURE',
  retry: 'RETRY',
  revoked: 'REVOKED',
  'timed-out': 'FAILURE',
  'worker-lost': 'FAILURE',
  ignored: 'IGNORED',
  rejected: 'REJECTED',
  requeued: 'REJECTED',
};

function ended(outcome: Outcome): Ending {
  return { outcome, thing: undefined };
}

/** How a run ends that was ended from outside. */
export function abortedOutcome(reason: AbortReason, signal?: string): Outcome {
  if (reason !== 'terminated' && reason !== 'revoked') return { kind: 'requeued', reason };
  return signal === undefined ? { kind: 'revoked', reason } : { kind: 'revoked', reason, signal };
}

function success(run: Run, value: unknown): Ending {
  const { children } = run;
  return { outcome: children === undefined ? { kind: 'success', value } : { kind: 'success', value, children }, thing: value };
}

function failure(run: Run, thrown: unknown): Ending {
  const error = describeError(thrown);
  const expected = isOneOf(thrown, run.task.options.throws);
  const { children } = run;
  return { outcome: { kind: 'failure', error, expected, ...(children === undefined ? {} : { children }) }, thing: thrown };
}

function retryOrFail(run: Run, retry: RetryOptions): Ending {
  const { invocation, task, children } = run;
  if (retriesExhausted(task.options, retry, invocation.request.retries))
    return failure(run, retry.exc ?? maxRetriesExceeded(invocation, retry));
  const outcome: Outcome = {
    kind: 'retry',
    error: retry.exc === undefined || retry.exc === null ? null : describeError(retry.exc),
    countdownS: retryCountdownS(task.options, retry),
    eta: retry.eta === undefined ? null : retry.eta instanceof Date ? formatIsoDate(retry.eta) : retry.eta,
    args: retry.args ?? null,
    kwargs: retry.kwargs ?? null,
    options: { ...retry.options },
    ...(children === undefined ? {} : { children }),
  };
  return { outcome, thing: retry.exc };
}

function maxRetriesExceeded(invocation: Invocation, retry: RetryOptions): Error {
  const args = argsRepr(retry.args ?? invocation.args);
  const kwargs = kwargsRepr(retry.kwargs ?? invocation.kwargs);
  const error = new Error(`Can't retry ${invocation.taskName}[${invocation.id}] args:${args} kwargs:${kwargs}`);
  error.name = 'MaxRetriesExceededError';
  return error;
}

function notRegistered(name: string): Outcome {
  return {
    kind: 'failure',
    error: namedError('NotRegistered', [name]),
    expected: false,
  };
}

function runSignal(run: Run) {
  const { id, args, kwargs, request } = run.invocation;
  return { sender: run.task, taskId: id, request, args, kwargs };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
