/** What holds for tasks, where they do not say otherwise themselves. */
import type { RetryPolicy } from '../../client/apply-async-options.js';
import type { QueueInput } from '../../routing/queues.js';
import type { TaskRoutes } from '../../routing/task-routes.js';
import { anything, choice, flag, needless, nullable, seconds, text, whole, type Setting } from '../setting-kinds.js';
import type { TaskAnnotations } from '../task-annotations.js';

const SERIALIZERS = ['json', 'yaml', 'msgpack'] as const;
/** `auth` puts a signature around one of them (docs/security.md). */
const MESSAGE_SERIALIZERS = [...SERIALIZERS, 'auth'] as const;

export const TASKS = {
  // ── Tasks ─────────────────────────────────────────────────────────────────────────────────────
  /** Acknowledge after the run. Ours: true, so that a killed worker loses nothing (Celery: false). */
  taskAcksLate: flag(true, 'CELERY_ACKS_LATE'),
  /** A task that failed, or ran out of time, is done. False has its message rejected. */
  taskAcksOnFailureOrTimeout: flag(true, 'CELERY_ACKS_ON_FAILURE_OR_TIMEOUT'),
  /** Celery's switch for tests. An app of ctq refuses to send its own tasks with it: testKit() of ctq/testing runs them in the process. */
  taskAlwaysEager: flag(false, 'CELERY_ALWAYS_EAGER'),
  /** Task options laid over those of the tasks: `{ 'tasks.add': { rateLimit: '10/s' }, '*': { acksLate: false } }`. */
  taskAnnotations: anything<TaskAnnotations | readonly TaskAnnotations[] | null>(null, 'CELERY_ANNOTATIONS'),
  /** zlib, gzip, bzip2, brotli … */
  taskCompression: text(null, 'CELERY_MESSAGE_COMPRESSION'),
  /** Make queues that are asked for and not declared. */
  taskCreateMissingQueues: flag(true, 'CELERY_CREATE_MISSING_QUEUES'),
  /** RabbitMQ: of what type those are. */
  taskCreateMissingQueueType: choice(['classic', 'quorum'], 'classic'),
  /** null: direct. */
  taskCreateMissingQueueExchangeType: choice(['direct', 'topic', 'fanout'], null),
  /** What a task sends gets the task's own priority, where none is given. */
  taskInheritParentPriority: flag(false, 'CELERY_INHERIT_PARENT_PRIORITY'),
  /** Whether RabbitMQ keeps a message on disk (2, persistent) or in memory. */
  taskDefaultDeliveryMode: choice([1, 2, 'transient', 'persistent'], 2, 'CELERY_DEFAULT_DELIVERY_MODE'),
  /** Where tasks go that nothing else is said of, and what a worker without `-Q` takes from. */
  taskDefaultQueue: text('celery', 'CELERY_DEFAULT_QUEUE'),
  /** RabbitMQ: of what type the default queue is. */
  taskDefaultQueueType: choice(['classic', 'quorum'], 'classic'),
  /** null: as the queue. */
  taskDefaultExchange: text(null, 'CELERY_DEFAULT_EXCHANGE'),
  /** How the default exchange finds its queues. */
  taskDefaultExchangeType: choice(['direct', 'topic', 'fanout'], 'direct', 'CELERY_DEFAULT_EXCHANGE_TYPE'),
  /** null: as the queue. */
  taskDefaultRoutingKey: text(null, 'CELERY_DEFAULT_ROUTING_KEY'),
  /** `'10/s'`, `'100/m'`, `'1/h'`, or a number per second. */
  taskDefaultRateLimit: anything<string | number | null>(null, 'CELERY_DEFAULT_RATE_LIMIT'),
  /** Of tasks that have none; null sends none. */
  taskDefaultPriority: whole(null, 'CELERY_DEFAULT_PRIORITY'),
  taskEagerPropagates: needless(flag(false, 'CELERY_EAGER_PROPAGATES_EXCEPTIONS'), 'belongs to task_always_eager'),
  /** Store no results. */
  taskIgnoreResult: flag(false, 'CELERY_IGNORE_RESULT'),
  taskStoreEagerResult: needless(flag(false, 'CELERY_STORE_EAGER_RESULT'), 'belongs to task_always_eager'),
  /** Message protocol to write. Ours: 2 only; 1 is read. */
  taskProtocol: choice([2], 2, 'CELERY_TASK_PROTOCOL'),
  /** Publish again when the connection fails. */
  taskPublishRetry: flag(true, 'CELERY_TASK_PUBLISH_RETRY'),
  /** How often a publication is tried, and how long is waited between two tries. */
  taskPublishRetryPolicy: anything<RetryPolicy>(
    { maxRetries: 3, intervalStart: 0, intervalStep: 0.2, intervalMax: 1 },
    'CELERY_TASK_PUBLISH_RETRY_POLICY',
  ),
  /** The queues there are: names, or objects with `name`, `exchange`, `routingKey` … */
  taskQueues: anything<readonly QueueInput[] | Readonly<Record<string, unknown>> | null>(null, 'CELERY_QUEUES'),
  /** RabbitMQ's `x-max-priority`. */
  taskQueueMaxPriority: whole(null, 'CELERY_QUEUE_MAX_PRIORITY'),
  /** Give the message back when the process that ran it died; null: with late acknowledgement only. */
  taskRejectOnWorkerLost: flag(null, 'CELERY_REJECT_ON_WORKER_LOST'),
  taskRemoteTracebacks: needless(flag(false, 'CELERY_REMOTE_TRACEBACKS'), 'an error that comes back always carries its traceback'),
  /** Which task goes where: `{ 'tasks.mail.*': { queue: 'mail' } }`, pairs, functions, or a list of these. */
  taskRoutes: anything<TaskRoutes | null>(null, 'CELERY_ROUTES'),
  /** Clients, too, send an event for each task: `task-sent`. */
  taskSendSentEvent: flag(false, 'CELERY_SEND_TASK_SENT_EVENT'),
  /** How tasks are written. */
  taskSerializer: choice(MESSAGE_SERIALIZERS, 'json', 'CELERY_TASK_SERIALIZER'),
  /** Seconds until the task's signal is aborted. */
  taskSoftTimeLimit: seconds(null, 'CELERYD_TASK_SOFT_TIME_LIMIT'),
  /** Seconds until the task is cut off. */
  taskTimeLimit: seconds(null, 'CELERYD_TASK_TIME_LIMIT'),
  /** Errors are stored also of tasks whose results are ignored. */
  taskStoreErrorsEvenIfIgnored: flag(false, 'CELERY_STORE_ERRORS_EVEN_IF_IGNORED'),
  /** Store STARTED when a task begins. */
  taskTrackStarted: flag(false, 'CELERY_TRACK_STARTED'),
  /** An errback of a chord runs for each part of its header that fails, not for its body alone. */
  taskAllowErrorCbOnChordHeader: flag(false),
  /** Ours: a task whose body is larger, or inflates to more, is refused. Bytes. */
  maxMessageSize: whole(67_108_864, null, { minimum: 1024 }),
  /** Ours: a message delivered more often than this goes to the dead letters. */
  maxDeliveries: whole(5, null, { minimum: 1 }),
  /** Ours: a task with more callbacks, or more errbacks, is neither sent nor run. */
  maxCallbacks: whole(100, null, { minimum: 1 }),
  /** Ours: a task with more later steps in its chain is neither sent nor run. */
  maxChainLength: whole(10_000, null, { minimum: 1 }),

  /** Ours: the newest so many tasks that failed are kept with their messages, for `ctq failed` and `ctq retry`; 0 keeps none. */
  failedTasksKept: whole(5_000),
  /** Ours: and for so long. Seconds; null and 0 keep them. */
  failedTasksExpires: nullable(seconds(604_800)),
  /** Ours: of a message with more bytes than this all but the message is kept; null and 0 keep any. */
  failedTasksMaxSize: nullable(whole(262_144)),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
