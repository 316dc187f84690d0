/** Settings of remote control and of events. */
import { choice, flag, list, seconds, text, type Setting } from '../setting-kinds.js';

const SERIALIZERS = ['json', 'yaml', 'msgpack'] as const;
/** `auth` puts a signature around one of them (docs/security.md). */
const MESSAGE_SERIALIZERS = [...SERIALIZERS, 'auth'] as const;

export const REMOTE_CONTROL = {
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
} as const satisfies Readonly<Record<string, Setting<unknown>>>;
