/** Where messages wait, and how it is reached. */
import {
  anything,
  choice,
  flag,
  missing,
  needless,
  nullable,
  number,
  object,
  seconds,
  secret,
  text,
  url,
  whole,
  type Setting,
} from '../setting-kinds.js';

export const BROKER = {
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
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
