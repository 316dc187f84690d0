/**
 * Celery's signals, for users: `app.signals.taskPrerun.connect(({ taskId }) => …)`. Names are Celery's
 * in camelCase. Inside ctq nothing listens to them: parts call each other (docs of the house, D.8).
 * A signal nobody connected to costs one comparison.
 */
import type { TaskRequest } from './execution/invocation.js';
import type { Task } from './task.js';

type Handler<Payload> = (payload: Payload) => unknown;

export class Signal<Payload> {
  readonly name: string;
  private handlers: readonly Handler<Payload>[] = [];
  private readonly report: (signal: string, error: unknown) => void;

  constructor(name: string, report: (signal: string, error: unknown) => void) {
    this.name = name;
    this.report = report;
  }

  /** True when somebody listens: ask it before making a payload that costs something. */
  get connected(): boolean {
    return this.handlers.length > 0;
  }

  /** Calls `handler` each time; returns a function that disconnects it again. Connecting twice calls it once. */
  connect(handler: Handler<Payload>): () => void {
    if (!this.handlers.includes(handler)) this.handlers = [...this.handlers, handler];
    return () => this.disconnect(handler);
  }

  disconnect(handler: Handler<Payload>): void {
    this.handlers = this.handlers.filter((other) => other !== handler);
  }

  /**
   * Calls the handlers in the order they connected. A handler that throws is reported and stops nobody, as
   * Celery's robust signals do. Returns a promise only if a handler did.
   */
  send(payload: Payload): undefined | Promise<void> {
    if (this.handlers.length === 0) return undefined;
    let pending: Promise<unknown>[] | undefined;
    for (const handler of this.handlers) {
      try {
        const answer = handler(payload);
        if (answer instanceof Promise) (pending ??= []).push(answer.catch((error: unknown) => this.report(this.name, error)));
      } catch (error) {
        this.report(this.name, error);
      }
    }
    return pending === undefined ? undefined : Promise.all(pending).then(() => undefined);
  }
}

/** A message on its way out. */
export interface PublishSignal {
  /** Task name. */
  readonly sender: string;
  readonly body: unknown;
  /** How the body is written: `application/json` … */
  readonly contentType: string;
  /** `utf-8` or `binary`. */
  readonly contentEncoding: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly exchange: string;
  readonly routingKey: string;
  readonly declare?: unknown;
  readonly retryPolicy?: unknown;
}

/** A run of a task, seen from inside the worker. */
export interface RunSignal {
  readonly sender: Task;
  readonly taskId: string;
  readonly request: TaskRequest;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

export interface WorkerSignal {
  /** The worker's nodename. */
  readonly sender: string;
}

/** All signals of one app. */
export class Signals {
  private listener: (signal: string, error: unknown) => void = () => {};

  /** Hears what handlers throw; the worker connects its log here. */
  onHandlerError(listener: (signal: string, error: unknown) => void): void {
    this.listener = listener;
  }

  private make<Payload>(name: string): Signal<Payload> {
    return new Signal<Payload>(name, (signal, error) => this.listener(signal, error));
  }

  /** Before a message is sent; `headers`, `properties` and `body` may still be changed in place. */
  readonly beforeTaskPublish = this.make<PublishSignal>('beforeTaskPublish');
  readonly afterTaskPublish = this.make<PublishSignal>('afterTaskPublish');

  /** A message of a known task arrived. */
  readonly taskReceived = this.make<{ sender: string; taskId: string; headers: Readonly<Record<string, unknown>> }>('taskReceived');
  /** Awaited before the task begins. */
  readonly taskPrerun = this.make<RunSignal>('taskPrerun');
  /** Awaited after the task ended, however it did; `state` is Celery's name for it. */
  readonly taskPostrun = this.make<RunSignal & { state: string; retval: unknown }>('taskPostrun');
  readonly taskSuccess = this.make<RunSignal & { result: unknown }>('taskSuccess');
  readonly taskFailure = this.make<RunSignal & { exception: unknown; traceback: string | null }>('taskFailure');
  readonly taskRetry = this.make<RunSignal & { reason: unknown }>('taskRetry');
  /** Something of ours failed outside the task's own code. */
  readonly taskInternalError = this.make<{ sender: string; taskId: string; exception: unknown }>('taskInternalError');
  readonly taskRevoked = this.make<{
    sender: string;
    taskId: string;
    terminated: boolean;
    signum: string | null;
    expired: boolean;
  }>('taskRevoked');
  /** No task of that name here. */
  readonly taskUnknown = this.make<{ sender: string; name: string; id: string; message: unknown }>('taskUnknown');
  /** A message that is no task at all, or cannot be read. */
  readonly taskRejected = this.make<{ sender: string; message: unknown; exception: unknown }>('taskRejected');

  /** Before the worker connects; options may still be read. */
  readonly workerInit = this.make<WorkerSignal>('workerInit');
  /** It takes tasks now. */
  readonly workerReady = this.make<WorkerSignal>('workerReady');
  readonly workerShuttingDown = this.make<WorkerSignal & { sig: string | null; how: 'warm' | 'cold'; exitcode: number }>(
    'workerShuttingDown',
  );
  readonly workerShutdown = this.make<WorkerSignal>('workerShutdown');
  /** A pool child or thread began; `pid` is its process. */
  readonly workerProcessInit = this.make<WorkerSignal & { pid: number }>('workerProcessInit');
  readonly workerProcessShutdown = this.make<WorkerSignal & { pid: number; exitcode: number | null }>('workerProcessShutdown');
  /** Nodename and settings are known, nothing else yet: the place to set up what a worker needs. */
  readonly celerydInit = this.make<WorkerSignal & { conf: unknown }>('celerydInit');
  readonly celerydAfterSetup = this.make<WorkerSignal & { conf: unknown }>('celerydAfterSetup');
  readonly heartbeatSent = this.make<WorkerSignal>('heartbeatSent');

  readonly beatInit = this.make<{ sender: string }>('beatInit');
  readonly beatEmbeddedInit = this.make<{ sender: string }>('beatEmbeddedInit');
  /** The app's modules are about to be loaded. */
  readonly importModules = this.make<{ sender: string }>('importModules');
}
