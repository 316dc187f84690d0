/** Who hears how a run ended: the handlers of its task, and the listeners of signals. */
import { describeError } from '../protocol/exception.js';
import { Task } from '../task.js';
import type { Ending } from './ending.js';
import type { ExecutionEnvironment } from './environment.js';
import type { Outcome } from './outcome.js';
import type { Run } from './task-context.js';

export type HandlerName = 'beforeStart' | 'onSuccess' | 'onFailure' | 'onRetry' | 'afterReturn';
const HANDLERS: readonly HandlerName[] = ['beforeStart', 'onSuccess', 'onFailure', 'onRetry', 'afterReturn'];

/** Overridden handlers: what is not there is not called. */
export function handlersOf(task: Task): ReadonlySet<HandlerName> {
  return new Set(HANDLERS.filter((handler) => task[handler] !== Task.prototype[handler]));
}

export function somebodyListens({ signals }: ExecutionEnvironment): boolean {
  const { taskPrerun, taskPostrun, taskSuccess, taskFailure, taskRetry } = signals;
  return taskPrerun.connected || taskPostrun.connected || taskSuccess.connected || taskFailure.connected || taskRetry.connected;
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

/** Handlers and signals after the end. What they throw changes nothing: the outcome is known. */
export async function tell(
  environment: ExecutionEnvironment,
  run: Run,
  handlers: ReadonlySet<HandlerName>,
  { outcome, thing }: Ending,
): Promise<void> {
  const { signals } = environment;
  const { id, args, kwargs } = run.invocation;
  const { task } = run;
  const about = runSignal(run);
  switch (outcome.kind) {
    case 'success':
      await callHandler(run, handlers, 'onSuccess', () => task.onSuccess(thing, id, args, kwargs));
      await signals.taskSuccess.send({ ...about, result: thing });
      break;
    case 'failure':
      await callHandler(run, handlers, 'onFailure', () => task.onFailure(thing, id, args, kwargs));
      await signals.taskFailure.send({ ...about, exception: thing, traceback: outcome.error.traceback });
      break;
    case 'retry':
      await callHandler(run, handlers, 'onRetry', () => task.onRetry(thing, id, args, kwargs));
      await signals.taskRetry.send({ ...about, reason: thing });
      break;
    default:
      break;
  }
  const state = STATE_OF[outcome.kind];
  if (outcome.kind === 'success' || outcome.kind === 'failure') {
    await callHandler(run, handlers, 'afterReturn', () => task.afterReturn(state, thing, id, args, kwargs));
  }
  await signals.taskPostrun.send({ ...about, state, retval: thing });
}

async function callHandler(run: Run, handlers: ReadonlySet<HandlerName>, name: HandlerName, call: () => unknown): Promise<void> {
  if (!handlers.has(name)) return;
  try {
    await call();
  } catch (error) {
    run.logger.error('%s of task %s[%s] raised:\n%s', name, run.invocation.taskName, run.invocation.id, describeError(error).traceback);
  }
}

export function runSignal(run: Run) {
  const { id, args, kwargs, request } = run.invocation;
  return { sender: run.task, taskId: id, request, args, kwargs };
}
