/** A task executed outside of any worker. */
import type { ExecutionEnvironment } from '../../../src/execution/environment.js';
import { Executor } from '../../../src/execution/execute.js';
import type { Invocation, TaskRequest } from '../../../src/execution/invocation.js';
import type { Outcome } from '../../../src/execution/outcome.js';
import { silentLogger } from '../../../src/logger.js';
import type { PoolWatch } from '../../../src/pool.js';
import { Signals } from '../../../src/signals.js';
import { Task, type TaskFunction, type TaskOptions, type TaskSender } from '../../../src/task.js';
import { FakeClock } from '../../support/fake-clock.js';

const nobody: TaskSender = {
  sendTask() {
    throw new Error('nothing is sent here');
  },
  signature() {
    throw new Error('nothing is written down here');
  },
  reviveSignature() {
    throw new Error('nothing is written down here');
  },
  growChord() {
    throw new Error('nothing is counted here');
  },
};

export interface Watched extends PoolWatch {
  startedBy: number[];
  softLimits: number[];
}

export function setUp() {
  const clock = new FakeClock();
  const signals = new Signals();
  const tasks = new Map<string, Task>();
  const stored: { id: string; state: string; meta: unknown }[] = [];
  const environment: ExecutionEnvironment = {
    tasks,
    logger: silentLogger,
    clock,
    signals,
    async storeState(request, state, meta) {
      stored.push({ id: request.id, state, meta });
    },
  };
  const executor = new Executor(environment);
  return {
    clock,
    signals,
    tasks,
    stored,
    environment,
    executor,
    register(run: TaskFunction, options: TaskOptions = {}): void {
      tasks.set('tasks.it', new (options.base ?? Task)('tasks.it', options, run, nobody));
    },
    start(args: readonly unknown[] = [], more: Partial<Invocation> & { retries?: number } = {}) {
      const watch: Watched = {
        startedBy: [],
        softLimits: [],
        abort: undefined,
        started: (pid) => watch.startedBy.push(pid),
        softLimitExceeded: (limitMs) => watch.softLimits.push(limitMs),
      };
      return { watch, outcome: executor.execute(invocation(args, more), watch) };
    },
    async run(args: readonly unknown[] = [], more: Partial<Invocation> & { retries?: number } = {}): Promise<Outcome> {
      return this.start(args, more).outcome;
    },
  };
}

export function invocation(
  args: readonly unknown[],
  { retries = 0, ...more }: Partial<Invocation> & { retries?: number } = {},
): Invocation {
  const { id = 'the-id', taskName = 'tasks.it', kwargs = {} } = more;
  return {
    id,
    taskName,
    args,
    kwargs,
    request: request({ id, task: taskName, args, kwargs, retries }),
    softTimeLimitMs: undefined,
    timeLimitMs: undefined,
    ...more,
  };
}

export function request(more: Partial<TaskRequest> = {}): TaskRequest {
  return {
    id: 'the-id',
    task: 'tasks.it',
    args: [],
    kwargs: {},
    shadow: null,
    retries: 0,
    eta: null,
    expires: null,
    group: null,
    groupIndex: null,
    rootId: 'the-id',
    parentId: null,
    correlationId: 'the-id',
    replyTo: null,
    origin: null,
    ignoreResult: false,
    timelimit: [null, null],
    deliveryInfo: { exchange: '', routingKey: 'celery', priority: 0, redelivered: false },
    hostname: 'worker1@host',
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
    ...more,
  };
}
