/**
 * What a pool is asked to run: plain data, so that it can cross to a thread or a child process.
 * Field names are Celery's request attributes in camelCase.
 */
export interface Invocation {
  readonly id: string;
  readonly taskName: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly request: TaskRequest;
  /** Milliseconds; the message's own limit, else the task's, else the worker's. */
  readonly softTimeLimitMs: number | undefined;
  readonly timeLimitMs: number | undefined;
  /** So long a task that has taken its signal may carry on after the soft limit; undefined for as long as it likes. */
  readonly softGraceMs?: number | undefined;
}

/** `task.request`: what a running task may know about its own message. */
export interface TaskRequest {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly shadow: string | null;
  readonly retries: number;
  readonly eta: string | null;
  readonly expires: string | null;
  readonly group: string | null;
  readonly groupIndex: number | null;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly correlationId: string;
  readonly replyTo: string | null;
  readonly origin: string | null;
  readonly ignoreResult: boolean;
  /** `[hard, soft]` in seconds, as the message had it. */
  readonly timelimit: readonly [number | null, number | null];
  readonly deliveryInfo: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly priority: number;
    readonly redelivered: boolean;
  };
  /** The worker's nodename. */
  readonly hostname: string;
  /** Custom headers of the caller, and all the others, by their wire names. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly callbacks: readonly unknown[] | null;
  readonly errbacks: readonly unknown[] | null;
  readonly chain: readonly unknown[] | null;
  readonly chord: unknown;
  readonly replacedTaskNesting: number;
  readonly stampedHeaders: readonly string[] | null;
  readonly stamps: Readonly<Record<string, unknown>>;
  /** True when the caller ran it in its own process (`task.apply`, `taskAlwaysEager`). */
  readonly isEager: boolean;
  /** How often this message has been delivered before. */
  readonly deliveryCount: number;
}
