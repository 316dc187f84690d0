/** What the execution of a task may use of the worker around it. */
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Signals } from '../signals.js';
import type { Task } from '../task.js';
import type { TaskRequest } from './invocation.js';

export interface ExecutionEnvironment {
  readonly tasks: ReadonlyMap<string, Task>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signals: Signals;
  /** Stores a state of the task's own; `updateState` of a task context. */
  storeState(request: TaskRequest, state: string, meta: unknown): Promise<void>;
}
