/** Settings of workers. */
import { choice, flag, missing, needless, number, seconds, text, whole, type Setting } from '../setting-kinds.js';

const LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s';
const TASK_LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s';

export const WORKER = {
  // ── Worker ────────────────────────────────────────────────────────────────────────────────────
  /** Ours, for worker and beat: false refuses to run as root, true does it without a word; read from a config file, for the app is code that would run. */
  workerAllowRoot: flag(null),
  workerAgent: missing(text(null, 'CELERYD_AGENT'), 'it is a Python class'),
  workerAutoscaler: missing(text('celery.worker.autoscale:Autoscaler', 'CELERYD_AUTOSCALER'), 'it is a Python class; --autoscale works'),
  workerCancelLongRunningTasksOnConnectionLoss: missing(
    flag(false, 'CELERYD_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS'),
    'what runs goes on; it does not count when another worker was given its message meanwhile',
  ),
  /** Seconds that running tasks still have when a worker is told to stop cold; 0 is none. */
  workerSoftShutdownTimeout: seconds(0),
  /** A soft shutdown takes its time also where nothing runs. */
  workerEnableSoftShutdownOnIdle: flag(false),
  /** Ours: seconds a warm stop waits for what runs before that goes back to its queue; below the 30 that supervisors usually give. */
  workerWarmShutdownTimeout: seconds(25),
  /** How many tasks run at once; null leaves it to the pool. */
  workerConcurrency: whole(null, 'CELERYD_CONCURRENCY', { minimum: 1 }),
  workerConsumer: missing(text('celery.worker.consumer:Consumer', 'CELERYD_CONSUMER'), 'it is a Python class'),
  /** Also take from a queue of this worker's own, `celery@host.dq`. */
  workerDirect: flag(false, 'CELERY_WORKER_DIRECT'),
  /** Rate limits are not kept. */
  workerDisableRateLimits: flag(false, 'CELERY_DISABLE_RATE_LIMITS'),
  /** A message that comes once more is acknowledged unrun where its result says SUCCESS. */
  workerDeduplicateSuccessfulTasks: flag(false, 'CELERYD_DEDUPLICATE_SUCCESSFUL_TASKS'),
  /** A worker hears `ctq inspect` and `ctq control`. */
  workerEnableRemoteControl: flag(true, 'CELERY_ENABLE_REMOTE_CONTROL'),
  workerHijackRootLogger: needless(flag(true, 'CELERYD_HIJACK_ROOT_LOGGER'), 'there is no root logger'),
  /** null: where the log goes to a terminal. */
  workerLogColor: flag(null, 'CELERYD_LOG_COLOR'),
  /** Python's `%(levelname)s`, `%(processName)s`, `%(message)s` …; not for a log in JSON. */
  workerLogFormat: text(LOG_FORMAT, 'CELERYD_LOG_FORMAT'),
  workerLostWait: needless(seconds(10, 'CELERYD_WORKER_LOST_WAIT'), 'a child that dies is noticed at once'),
  /** A pool process that is larger after a task is replaced. KiB. */
  workerMaxMemoryPerChild: whole(null, 'CELERYD_MAX_MEMORY_PER_CHILD', { unit: 'KiB' }),
  /** So many tasks, and a child of prefork is replaced. */
  workerMaxTasksPerChild: whole(null, 'CELERYD_MAX_TASKS_PER_CHILD'),
  /** Ours: async (Celery: prefork). */
  workerPool: choice(['async', 'threads', 'prefork', 'solo', 'eventlet', 'gevent'], 'async', 'CELERYD_POOL'),
  workerPoolPutlocks: needless(flag(true, 'CELERYD_POOL_PUTLOCKS'), 'a child is given a task when it is free'),
  /** `ctq control pool_restart` is allowed. */
  workerPoolRestarts: flag(false, 'CELERYD_POOL_RESTARTS'),
  workerProcAliveTimeout: needless(seconds(4, 'CELERYD_PROC_ALIVE_TIMEOUT'), 'a child has a minute to start'),
  /** Slots times this are reserved ahead; 0 is no limit. null (ours; Celery: 4) reserves what can run, and a little ahead while tasks are tiny. */
  workerPrefetchMultiplier: whole(null, 'CELERYD_PREFETCH_MULTIPLIER'),
  workerEtaTaskLimit: needless(whole(null), 'tasks for later wait in the broker, and few in memory'),
  workerEnablePrefetchCountReduction: needless(flag(true), 'what is reserved follows what can run'),
  /** A message is taken only when a slot is free. */
  workerDisablePrefetch: flag(false),
  /** What tasks print goes into the log. */
  workerRedirectStdouts: flag(true, 'CELERY_REDIRECT_STDOUTS'),
  /** At this level. */
  workerRedirectStdoutsLevel: text('WARNING', 'CELERY_REDIRECT_STDOUTS_LEVEL'),
  /** Send task events, as `-E`. */
  workerSendTaskEvents: flag(false, 'CELERY_SEND_EVENTS'),
  /** File that remembers revoked ids, as `--statedb`. */
  workerStateDb: text(null, 'CELERYD_STATE_DB'),
  /** The same for lines of tasks, which have `%(task_name)s` and `%(task_id)s`. */
  workerTaskLogFormat: text(TASK_LOG_FORMAT, 'CELERYD_TASK_LOG_FORMAT'),
  workerTimer: needless(text(null, 'CELERYD_TIMER'), 'there is one event loop'),
  workerTimerPrecision: needless(number(1, 'CELERYD_TIMER_PRECISION'), 'timers fire when their time has come'),
  workerDetectQuorumQueues: needless(flag(true), 'found out by asking RabbitMQ'),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
