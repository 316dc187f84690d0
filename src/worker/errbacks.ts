/**
 * Errbacks of the new style: a task of this worker that takes more than one argument is called here with
 * what failed, why and where, instead of being sent a message with an id (WIRE 8.8, Celery's
 * `_call_task_errbacks`).
 */
import type { FailedBody } from '../canvas/chord-end.js';
import type { RemoteErrorInfo } from '../errors.js';
import type { Invocation, TaskRequest } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import { parametersOf } from '../execution/parameters.js';
import type { Logger } from '../logger.js';
import { exceptionLine } from '../protocol/exception.js';
import { newId } from '../protocol/oid.js';
import { isRecord } from '../protocol/record.js';
import type { Task } from '../task.js';

/** A task that failed, for whom errbacks are called. */
export interface FailedTask {
  readonly request: TaskRequest;
  readonly error: RemoteErrorInfo;
}

/** Runs a task in the pool, without any message. */
export type RunInPool = (invocation: Invocation) => Outcome | Promise<Outcome>;

export class Errbacks {
  private readonly tasks: ReadonlyMap<string, Task>;
  private readonly logger: Logger;
  /** Put here when the pool is open. */
  runInPool: RunInPool | undefined;

  constructor(tasks: ReadonlyMap<string, Task>, logger: Logger) {
    this.tasks = tasks;
    this.logger = logger;
  }

  /** Parts them: those to be called here, and those to be sent. */
  sort(errbacks: readonly unknown[] | null): { readonly toCall: readonly unknown[]; readonly toSend: readonly unknown[] } {
    const all = errbacks ?? [];
    const toCall = all.filter((errback) => this.takesTheError(errback));
    return { toCall, toSend: toCall.length === 0 ? all : all.filter((errback) => !toCall.includes(errback)) };
  }

  /** One after the other; one that fails itself is logged, and changes nothing. */
  async call(errbacks: readonly unknown[], failed: FailedTask): Promise<void> {
    for (const errback of errbacks) {
      const { task: name, args, kwargs } = errback as { readonly task: string; readonly args?: unknown; readonly kwargs?: unknown };
      const invocation = invocationOf(name, failed, Array.isArray(args) ? args : [], isRecord(kwargs) ? kwargs : {});
      const outcome = await this.runInPool?.(invocation);
      if (outcome?.kind === 'failure') {
        this.logger.error(
          'The errback %s of task %s[%s] failed: %s',
          name,
          failed.request.task,
          failed.request.id,
          exceptionLine(outcome.error),
        );
      }
    }
  }

  private takesTheError(errback: unknown): boolean {
    const name = isRecord(errback) ? errback['task'] : undefined;
    const task = typeof name === 'string' ? this.tasks.get(name) : undefined;
    if (task === undefined) return false;
    const parameters = parametersOf(task.run)?.slice(task.options.bind === true ? 1 : 0) ?? [];
    return parameters.some(({ kind }) => kind === 'rest') || parameters.filter(({ kind }) => kind !== 'object').length > 1;
  }
}

/** `(request, error, traceback)` in front of the signature's own arguments, as plain data: it may run in another process. */
function invocationOf(
  taskName: string,
  { request, error }: FailedTask,
  own: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Invocation {
  const { id, task, retries, rootId, parentId, group, groupIndex, hostname, stamps } = request;
  const about = { id, task, args: request.args, kwargs: request.kwargs, retries, rootId, parentId, group, groupIndex, hostname, stamps };
  const shown = { name: error.type, message: error.args.map(String).join(', '), type: error.type, args: error.args, module: error.module };
  const args = [about, shown, error.traceback, ...own];
  const run = newId();
  return {
    id: run,
    taskName,
    args,
    kwargs,
    request: { ...NO_REQUEST, id: run, correlationId: run, task: taskName, args, kwargs, rootId, parentId: id, hostname },
    softTimeLimitMs: undefined,
    timeLimitMs: undefined,
  };
}

/** A body that failed without ever having been sent: what its errbacks may know of it (Celery's fake request). */
export function requestOfBody({ id, rootId, node }: FailedBody): TaskRequest {
  const task = node.kind === 'task' ? node.task : `celery.${node.kind}`;
  return { ...NO_REQUEST, id, correlationId: id, task, args: node.args, kwargs: node.kwargs, rootId };
}

const NO_REQUEST: Omit<TaskRequest, 'id' | 'correlationId' | 'task' | 'args' | 'kwargs' | 'rootId'> = {
  shadow: null,
  retries: 0,
  eta: null,
  expires: null,
  group: null,
  groupIndex: null,
  parentId: null,
  replyTo: null,
  origin: null,
  ignoreResult: true,
  timelimit: [null, null],
  deliveryInfo: { exchange: '', routingKey: '', priority: 0, redelivered: false },
  hostname: '',
  headers: {},
  callbacks: null,
  errbacks: null,
  chain: null,
  chord: null,
  replacedTaskNesting: 0,
  stampedHeaders: null,
  stamps: {},
  isEager: false,
  deliveryCount: 0,
};
