/**
 * Every setting: type, unit, default, and Celery's old name. Keys are camelCase here and in the code;
 * `broker_url` and the old `BROKER_URL` mean the same (`setting-names.ts`). Types come from this
 * table, so a setting is one entry and nothing else.
 *
 * Defaults are Celery's (WIRE 15) except where a comment says "ours" and why.
 */
import type { ScheduleEntryInput } from '../beat/schedule-entry.js';
import type { RetryPolicy } from '../client/apply-async-options.js';
import type { QueueInput } from '../routing/queues.js';
import type { TaskRoutes } from '../routing/task-routes.js';
import {
  anything,
  choice,
  flag,
  list,
  missing,
  needless,
  nullable,
  number,
  object,
  type Setting,
  seconds,
  secret,
  text,
  timeZone,
  url,
  whole,
} from './setting-kinds.js';
import type { SnakeCase } from './snake-case.js';
import type { TaskAnnotations } from './task-annotations.js';

const SERIALIZERS = ['json', 'yaml', 'msgpack'] as const;
/** `auth` puts a signature around one of them (docs/security.md). */
const MESSAGE_SERIALIZERS = [...SERIALIZERS, 'auth'] as const;
const LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s';
const TASK_LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s';

export const SETTINGS = {
  // ── What is read and written ──────────────────────────────────────────────────────────────────
  /** Serializers, or content types, that a reader takes. */
  acceptContent: list(['json'], 'CELERY_ACCEPT_CONTENT'),
  /** The same for results; null: as `acceptContent`. */
  resultAcceptContent: needless(
    list(null, 'RESULT_ACCEPT_CONTENT'),
    'results are JSON, and nothing else is read; a list without it is refused',
  ),
  /** False makes naive local times; the wire stays UTC. */
  enableUtc: flag(true, 'ENABLE_UTC'),
  /** Zone of beat, and of an eta without an offset; null is UTC. */
  timezone: timeZone('CELERY_TIMEZONE'),
  /** Modules to load with the app. */
  imports: list([], 'CELERY_IMPORTS'),
  /** The same, appended. */
  include: list([], 'CELERY_INCLUDE'),

  // ── Beat ──────────────────────────────────────────────────────────────────────────────────────
  /** Longest sleep between two looks at the schedule; 0 leaves it to the scheduler. Seconds. */
  beatMaxLoopInterval: seconds(0, 'CELERYBEAT_MAX_LOOP_INTERVAL'),
  /** What fires when: name → `{ task, schedule, args, kwargs, options }`; see `ScheduleEntryInput`. */
  beatSchedule: anything<Record<string, ScheduleEntryInput>>({}, 'CELERYBEAT_SCHEDULE'),
  /** Celery's class that keeps the schedule. Here entries live in the app and in the broker, and a beat that was given one says so. */
  beatScheduler: text('celery.beat:PersistentScheduler', 'CELERYBEAT_SCHEDULER'),
  /** Where beat remembers its last runs. */
  beatScheduleFilename: text('celerybeat-schedule', 'CELERYBEAT_SCHEDULE_FILENAME'),
  /** Save after so many sent tasks; 0 saves by time only. */
  beatSyncEvery: whole(0, 'CELERYBEAT_SYNC_EVERY'),
  /** Missed crontab runs older than this are skipped. Seconds. */
  beatCronStartingDeadline: seconds(null),

  // ── Broker ────────────────────────────────────────────────────────────────────────────────────
  /** Where messages wait. null is the embedded SQLite file `.ctq/ctq.db` (ours; Celery has a RabbitMQ on localhost). */
  brokerUrl: url('BROKER_URL'),
  /** For consuming, where that is another address. */
  brokerReadUrl: url('BROKER_READ_URL'),
  /** For publishing, where that is another address. */
  brokerWriteUrl: url('BROKER_WRITE_URL'),
  /** The scheme of an address that is put together of its parts; null: amqp. */
  brokerTransport: text(null, 'BROKER_TRANSPORT'),
  /** `visibility_timeout`, `global_keyprefix`, `master_name` … by Celery's names. */
  brokerTransportOptions: object('BROKER_TRANSPORT_OPTIONS'),
  /** Seconds until an attempt to connect is given up. */
  brokerConnectionTimeout: seconds(4, 'BROKER_CONNECTION_TIMEOUT'),
  /** Come back after the connection is lost. */
  brokerConnectionRetry: flag(true, 'BROKER_CONNECTION_RETRY'),
  /** Keep trying when the broker is not there at start; null: as `brokerConnectionRetry`. */
  brokerConnectionRetryOnStartup: flag(null),
  /** null and 0 try for ever. Ours: a worker outlives its broker however long that takes (Celery: 100). */
  brokerConnectionMaxRetries: nullable(whole(null, 'BROKER_CONNECTION_MAX_RETRIES')),
  brokerChannelErrorRetry: needless(flag(false), 'what a channel loses is opened anew like a lost connection'),
  brokerFailoverStrategy: missing(anything<unknown>(null, 'BROKER_FAILOVER_STRATEGY'), 'several URLs are tried in their order'),
  /** AMQP heartbeat, seconds. At 120 workers choose: 4 with prefork and threads, else the 60 of the server. */
  brokerHeartbeat: nullable(seconds(120, 'BROKER_HEARTBEAT')),
  brokerHeartbeatCheckrate: needless(number(3, 'BROKER_HEARTBEAT_CHECKRATE'), 'the connection watches its heartbeats by itself'),
  /** RabbitMQ: how to log in, `PLAIN`, `AMQPLAIN` or `EXTERNAL`. */
  brokerLoginMethod: text(null, 'BROKER_LOGIN_METHOD'),
  /** RabbitMQ: of what type the queues are in which later tasks wait. */
  brokerNativeDelayedDeliveryQueueType: choice(['quorum', 'classic'], 'quorum'),
  /** Connections kept for publishing; null keeps none. */
  brokerPoolLimit: needless(nullable(whole(10, 'BROKER_POOL_LIMIT')), 'one connection carries everything that is published'),
  /** TLS: true, or an object with `ca_certs`, `certfile`, `keyfile`, `cert_reqs`. */
  brokerUseSsl: anything<boolean | Readonly<Record<string, unknown>>>(false, 'BROKER_USE_SSL'),

  // ── The parts of a broker URL, as it was written long ago ─────────────────────────────────────
  brokerHost: text(null, 'BROKER_HOST'),
  brokerPort: whole(null, 'BROKER_PORT'),
  brokerUser: text(null, 'BROKER_USER'),
  brokerPassword: secret('BROKER_PASSWORD'),
  brokerVhost: text(null, 'BROKER_VHOST'),

  // ── Remote control and events ─────────────────────────────────────────────────────────────────
  /** RabbitMQ: seconds that a question to workers, or an answer, may wait in its queue. */
  controlQueueTtl: seconds(300, 'CONTROL_QUEUE_TTL'),
  /** RabbitMQ: seconds after which a queue of remote control goes that nobody reads. */
  controlQueueExpires: seconds(10, 'CONTROL_QUEUE_EXPIRES'),
  /** RabbitMQ: queues of remote control go with the connection. */
  controlQueueExclusive: flag(false),
  /** RabbitMQ: they go when they expire. One of the two, where transient queues are forbidden. */
  controlQueueDurable: flag(false),
  /** Beginning of the names of remote control's exchanges: `<it>.pidbox`. */
  controlExchange: text('celery', 'CONTROL_EXCHANGE'),
  /** Ours: the remote-control commands that a worker obeys (`['@inspect', 'rate_limit']`, all that only look and one more); null: all of them. */
  controlAllow: list(null),
  /** RabbitMQ: seconds after which a queue of events goes that nobody reads. */
  eventQueueExpires: seconds(60, 'CELERY_EVENT_QUEUE_EXPIRES'),
  /** RabbitMQ: seconds that an event waits for who listens. */
  eventQueueTtl: seconds(5, 'CELERY_EVENT_QUEUE_TTL'),
  /** Beginning of the names of queues of those who listen to events. */
  eventQueuePrefix: text('celeryev', 'CELERY_EVENT_QUEUE_PREFIX'),
  /** RabbitMQ: as `controlQueueExclusive`, for events. */
  eventQueueExclusive: flag(false),
  /** RabbitMQ: as `controlQueueDurable`. */
  eventQueueDurable: flag(false),
  /** How events are written. */
  eventSerializer: choice(MESSAGE_SERIALIZERS, 'json', 'CELERY_EVENT_SERIALIZER'),
  /** Where events are sent to. */
  eventExchange: text('celeryev', 'CELERY_EVENT_EXCHANGE'),

  // ── Redis as result backend, where its URL does not say ───────────────────────────────────────
  redisBackendUseSsl: anything<boolean | Readonly<Record<string, unknown>> | null>(null, 'CELERY_REDIS_BACKEND_USE_SSL'),
  redisDb: anything<number | string | null>(null, 'CELERY_REDIS_DB'),
  redisHost: text(null, 'CELERY_REDIS_HOST'),
  redisMaxConnections: needless(whole(null, 'CELERY_REDIS_MAX_CONNECTIONS'), 'a few connections carry everything'),
  redisUsername: text(null, 'CELERY_REDIS_USERNAME'),
  redisPassword: secret('CELERY_REDIS_PASSWORD'),
  redisPort: whole(null, 'CELERY_REDIS_PORT'),
  redisSocketTimeout: needless(
    seconds(120, 'CELERY_REDIS_SOCKET_TIMEOUT'),
    'a connection that no longer answers is found out by asking it',
  ),
  redisSocketConnectTimeout: needless(
    seconds(null, 'CELERY_REDIS_SOCKET_CONNECT_TIMEOUT'),
    'a command looks for a connection for broker_connection_timeout, a worker for as long as it takes',
  ),
  redisRetryOnTimeout: needless(flag(false, 'CELERY_REDIS_RETRY_ON_TIMEOUT'), 'a call without an answer is repeated'),
  redisSocketKeepalive: needless(flag(false, 'CELERY_REDIS_SOCKET_KEEPALIVE'), 'connections are kept alive anyway'),
  /** Seconds between two PINGs on an idle connection. */
  redisBackendHealthCheckInterval: needless(seconds(null), 'an idle connection is asked from time to time anyway'),
  redisClientName: missing(text(null), 'connections are named after what they do: ctq results, ctq waiter …'),
  redisBackendCredentialProvider: missing(anything<unknown>(null), 'it is a Python object; user and password stand in the URL'),

  // ── Results ───────────────────────────────────────────────────────────────────────────────────
  /** Where results are kept; null: the broker's own engine (ours; Celery keeps none), `disabled://`: nowhere. */
  resultBackend: url('CELERY_RESULT_BACKEND'),
  resultCacheMax: needless(whole(-1, 'CELERY_MAX_CACHED_RESULTS', { minimum: -1 }), 'results are not cached'),
  resultCompression: needless(text(null, 'CELERY_RESULT_COMPRESSION'), 'Celery compresses no results either'),
  resultExchange: needless(
    text('celeryresults', 'CELERY_RESULT_EXCHANGE'),
    'results of rpc:// go to the queue of who asked, by the default exchange, as in Celery',
  ),
  resultExchangeType: needless(choice(['direct', 'topic', 'fanout'], 'direct', 'CELERY_RESULT_EXCHANGE_TYPE'), 'as result_exchange'),
  /** Seconds a result is kept; null and 0 keep it. */
  resultExpires: nullable(seconds(86_400, 'CELERY_TASK_RESULT_EXPIRES')),
  /** RabbitMQ (`rpc://`): whether results outlive a restart of the server; null: they do not. */
  resultPersistent: flag(null, 'CELERY_RESULT_PERSISTENT'),
  /** Store name, arguments, worker, retries and queue with the result. */
  resultExtended: flag(false, 'CELERY_RESULT_EXTENDED'),
  /** Results are JSON. Python's side says so, too: Celery reads a result by its own setting. */
  resultSerializer: choice(['json'], 'json', 'CELERY_RESULT_SERIALIZER'),
  /** `global_keyprefix`, `retry_policy`, `master_name` … by Celery's names. */
  resultBackendTransportOptions: object('CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS'),
  databaseCreateTablesAtSetup: needless(flag(true), 'tables are made with the first result, where they are missing'),
  databaseEngineOptions: missing(
    object('CELERY_RESULT_ENGINE_OPTIONS'),
    "SQLAlchemy's; options of ctq's own clients stand behind ? in the URL",
  ),
  databaseShortLivedSessions: needless(flag(false, 'CELERY_RESULT_DB_SHORT_LIVED_SESSIONS'), 'nothing is kept between two transactions'),
  /** Celery's tables in an SQL database, by `task` and `group`; ctq's own keep their names. */
  databaseTableNames: object('CELERY_RESULT_DB_TABLENAMES'),
  /** Where these are, in databases that have schemas. */
  databaseTableSchemas: object('DATABASE_TABLE_SCHEMAS'),
  resultChordRetryInterval: needless(
    seconds(1, 'CELERY_RESULT_CHORD_RETRY_INTERVAL'),
    'the parts of a chord are counted, nobody polls for them',
  ),
  /** Seconds that the last part of a chord waits for results of the others. */
  resultChordJoinTimeout: seconds(3, 'CELERY_RESULT_CHORD_JOIN_TIMEOUT'),
  resultBackendMaxSleepBetweenRetriesMs: missing(
    whole(10_000, 'CELERY_RESULT_BACKEND_MAX_SLEEP_BETWEEN_RETRIES_MS', { unit: 'milliseconds' }),
    'tries come after 0.1 to 5 seconds',
  ),
  /** null is for ever. */
  resultBackendMaxRetries: missing(
    anything<number | null>(null, 'CELERY_RESULT_BACKEND_MAX_RETRIES'),
    'a task that has ended waits for its result backend for as long as its message is its own',
  ),
  resultBackendBaseSleepBetweenRetriesMs: missing(
    whole(10, 'CELERY_RESULT_BACKEND_BASE_SLEEP_BETWEEN_RETRIES_MS', { unit: 'milliseconds' }),
    'tries come after 0.1 to 5 seconds',
  ),
  resultBackendAlwaysRetry: needless(flag(false, 'CELERY_RESULT_BACKEND_ALWAYS_RETRY'), 'a result is tried again in any case'),
  resultBackendThreadSafe: needless(flag(false), 'a backend is shared by all that runs in a process'),

  // ── Signed messages ───────────────────────────────────────────────────────────────────────────
  /** File with the certificate of `securityKey`: what readers know the signer by. */
  securityCertificate: text(null, 'CELERY_SECURITY_CERTIFICATE'),
  /** Folder, or pattern such as `/etc/ssl/certs/*.pem`, with the certificates of those whose messages are believed. */
  securityCertStore: text(null, 'CELERY_SECURITY_CERT_STORE'),
  /** File with the private RSA key that signs. */
  securityKey: text(null, 'CELERY_SECURITY_KEY'),
  /** What the file of `securityKey` is locked with. */
  securityKeyPassword: secret(),
  /** With which sum messages are signed. */
  securityDigest: text('sha256', 'CELERY_SECURITY_DIGEST'),
  /** Ours: how signed messages are written, `5.5` for readers with Celery 5.5 and later, `5.2` for those before; both are read. */
  securityLayout: choice(['5.5', '5.2'], '5.5'),
  /** Ours: whether the headers of signed tasks are signed, too (`sign`), and tasks without that are refused (`require`). */
  securityHeaders: choice(['off', 'sign', 'require'], 'off'),
  /** Ours: with `securityHeaders` at `require`, a task that was signed so long ago, or whose ETA was, is refused. Seconds. */
  securityMaxAge: seconds(null),

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

export type SettingKey = keyof typeof SETTINGS;

/** All settings with their values: what an app's `conf` is, and what the rest of the code reads. */
export type Settings = { -readonly [Key in SettingKey]: (typeof SETTINGS)[Key] extends Setting<infer Value> ? Value : never };

/** Settings as people write them: some of them, in either spelling; a URL may be a list to try in turn. */
export type SettingsInput = {
  [Key in SettingKey]?: Settings[Key] | undefined | (Key extends `${string}Url` | 'resultBackend' ? readonly string[] : never);
} & {
  [Key in SettingKey as SnakeCase<Key> extends Key ? never : SnakeCase<Key>]?: Settings[Key] | undefined;
};
