/** One task, run here and now: Celery's `task.apply()`. */
import { systemClock } from '../clock.js';
import type { Ctq } from '../ctq.js';
import { ConfigError, type RemoteErrorInfo, TaskError } from '../errors.js';
import { Executor } from '../execution/execute.js';
import type { Invocation, TaskRequest } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import { type Logger, silentLogger } from '../logger.js';
import { namedError } from '../protocol/exception.js';
import { newId } from '../protocol/oid.js';
import type { Task } from '../task.js';
import type { AnyArgs, TestableTask } from './testable-task.js';

/** What `runTask()` takes beside the task and its arguments. */
export interface RunTaskOptions {
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Default a new one. */
  readonly id?: string;
  /** How many tries there were before; default 0. */
  readonly retries?: number;
  /** `run` (default) runs it again at once when it asks for that; `stop` ends with the state RETRY. */
  readonly onRetry?: 'run' | 'stop';
  /** Custom headers of the caller, for `task.request.headers`. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Hears what the task logs; default nobody. */
  readonly logger?: Logger;
}

/** How a run ended. */
export interface TaskRun<Result = unknown> {
  readonly id: string;
  readonly task: string;
  /** Celery's name: SUCCESS, FAILURE, RETRY, REVOKED, IGNORED, REJECTED. */
  readonly state: string;
  /** What it returned; undefined unless it succeeded. */
  readonly result: Result | undefined;
  /** What it threw, as a caller would get it; null for a success. */
  readonly error: TaskError | null;
  /** How many tries there were before the last. */
  readonly retries: number;
  /** Seconds until the next try, for each retry it asked for. */
  readonly delays: readonly (number | null)[];
  /** States that it set with `task.updateState()`, in order. */
  readonly states: readonly { readonly state: string; readonly meta: unknown }[];
}

/** A task that never stops asking for another try would hang the test. */
const MOST_TRIES = 1_000;

/**
 * Runs a task in this process without broker, worker or result backend: arguments are bound as a worker binds them,
 * handlers and signals are called, retries run at once, limits hold. What the task sends goes where the app sends.
 *
 * @throws {@link ConfigError} when it retries a thousand times.
 */
export async function runTask<Args extends AnyArgs, Result>(
  task: TestableTask<Args, Result>,
  args: Args,
  options: RunTaskOptions = {},
): Promise<TaskRun<Result>> {
  const app = task.sender as unknown as Ctq;
  const states: { state: string; meta: unknown }[] = [];
  const executor = new Executor({
    tasks: app.tasks,
    logger: options.logger ?? silentLogger,
    clock: systemClock,
    signals: app.signals,
    async storeState(_request, state, meta) {
      states.push({ state, meta });
    },
  });
  const delays: (number | null)[] = [];
  let call = firstCall(task, args, options);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const outcome = await executor.execute(call, { started() {}, softLimitExceeded() {}, abort: undefined });
    const { retries } = call.request;
    if (outcome.kind !== 'retry' || options.onRetry === 'stop') {
      if (outcome.kind === 'retry') delays.push(outcome.countdownS);
      const { id } = call;
      return { ...{ id, task: task.name, retries, delays, states }, ...(endOf(id, outcome) as EndOf<Result>) };
    }
    delays.push(outcome.countdownS);
    call = invocation(task, {
      ...{ args: outcome.args ?? call.args, kwargs: outcome.kwargs ?? call.kwargs },
      ...{ id: call.id, retries: retries + 1, headers: options.headers },
    });
  }
  throw new ConfigError(`the task ${task.name} has asked for ${MOST_TRIES} more tries`, {
    hint: 'give it maxRetries, or { onRetry: "stop" }',
  });
}

type Runnable = Pick<Task, 'name' | 'options'>;

interface Call {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly retries: number;
  readonly headers: Readonly<Record<string, unknown>> | undefined;
}

function firstCall(
  task: Runnable,
  args: readonly unknown[],
  { kwargs = {}, id = newId(), retries = 0, headers }: RunTaskOptions,
): Invocation {
  return invocation(task, { args, kwargs, id, retries, headers });
}

function invocation(task: Runnable, { args, kwargs, id, retries, headers = {} }: Call): Invocation {
  const { options } = task;
  const request: TaskRequest = {
    ...{ id, task: task.name, args, kwargs, retries, headers, rootId: id, correlationId: id },
    ...{ shadow: null, eta: null, expires: null, group: null, groupIndex: null, parentId: null, replyTo: null, origin: null },
    ...{ ignoreResult: options.ignoreResult ?? false, timelimit: [null, null], hostname: 'test', isEager: true, deliveryCount: 0 },
    deliveryInfo: { exchange: '', routingKey: options.queue ?? '', priority: options.priority ?? 0, redelivered: false },
    ...{ callbacks: null, errbacks: null, chain: null, chord: null, replacedTaskNesting: 0, stampedHeaders: null, stamps: {} },
  };
  return {
    ...{ id, taskName: task.name, args, kwargs, request },
    softTimeLimitMs: milliseconds(options.softTimeLimit),
    timeLimitMs: milliseconds(options.timeLimit),
  };
}

function milliseconds(seconds: number | null | undefined): number | undefined {
  return seconds === null || seconds === undefined ? undefined : seconds * 1000;
}

type EndOf<Result> = Pick<TaskRun<Result>, 'state' | 'result' | 'error'>;

function endOf(id: string, outcome: Outcome): EndOf<unknown> {
  const without = (state: string, error: RemoteErrorInfo | null): EndOf<unknown> => ({
    ...{ state, result: undefined },
    error: error === null ? null : new TaskError(id, state, error),
  });
  switch (outcome.kind) {
    case 'success':
      return { state: 'SUCCESS', result: outcome.value, error: null };
    case 'failure':
      return without('FAILURE', outcome.error);
    case 'retry':
      return without('RETRY', outcome.error);
    case 'timed-out':
      return without('FAILURE', errorOf('TimeLimitExceeded', outcome.limitMs / 1000));
    case 'ignored':
      return without('IGNORED', null);
    case 'rejected':
    case 'requeued':
      return without('REJECTED', errorOf('Reject', outcome.reason));
    case 'revoked':
      return without('REVOKED', errorOf('TaskRevokedError', outcome.reason));
    case 'worker-lost':
      return without('FAILURE', errorOf('WorkerLostError', outcome.detail ?? null));
    default:
      return outcome satisfies never;
  }
}

function errorOf(type: string, arg: unknown): RemoteErrorInfo {
  return namedError(type, arg === null ? [] : [arg]);
}
