/** Where results are kept, how, and for how long. */
import {
  anything,
  choice,
  flag,
  missing,
  needless,
  nullable,
  object,
  seconds,
  secret,
  text,
  url,
  whole,
  type Setting,
} from '../setting-kinds.js';

export const RESULTS = {
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
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
