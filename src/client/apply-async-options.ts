/**
 * What a call may say about its message: Celery's `apply_async` keywords in camelCase, seconds where
 * Celery has seconds (WIRE 3.5 tells where each goes).
 */
export interface ApplyAsyncOptions {
  readonly taskId?: string;
  /** Seconds from now. */
  readonly countdown?: number;
  /** Earliest run; an ISO string is sent as it is. */
  readonly eta?: Date | string;
  /** Seconds from now, or a date: after it workers discard the task. */
  readonly expires?: number | Date | string;
  readonly priority?: number;
  readonly queue?: string;
  readonly exchange?: string;
  readonly exchangeType?: 'direct' | 'topic' | 'fanout';
  readonly routingKey?: string;
  /** Route it as the task of this name would be; `task.map()` goes where its task goes. */
  readonly routeName?: string;
  readonly serializer?: string;
  readonly compression?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Called with the result; signatures in Celery's dict form or with a `toJSON`. */
  readonly link?: unknown;
  readonly linkError?: unknown;
  readonly chain?: readonly unknown[];
  readonly chord?: unknown;
  readonly groupId?: string;
  readonly groupIndex?: number;
  readonly rootId?: string;
  readonly parentId?: string;
  readonly retries?: number;
  readonly shadow?: string;
  readonly ignoreResult?: boolean;
  readonly argsrepr?: string;
  readonly kwargsrepr?: string;
  readonly origin?: string;
  readonly replacedTaskNesting?: number;
  /** Seconds, hard. */
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly replyTo?: string;
  readonly deliveryMode?: 1 | 2 | 'transient' | 'persistent';
  /** Publish again when the connection fails; default `taskPublishRetry`. */
  readonly retry?: boolean;
  readonly retryPolicy?: RetryPolicy;
  readonly stampedHeaders?: readonly string[];
  readonly stamps?: Readonly<Record<string, unknown>>;
  /** Further message properties by their wire names (`message_id`, `app_id`). */
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** `task_publish_retry_policy`; seconds. */
export interface RetryPolicy {
  readonly maxRetries?: number | null;
  readonly intervalStart?: number;
  readonly intervalStep?: number;
  readonly intervalMax?: number;
}
