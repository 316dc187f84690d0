/**
 * What a worker is made of: everything it needs from outside, opened by `ctq.ts` and handed in. The
 * worker itself opens nothing, so a test can put a fake in each place.
 */
import type { Broker, Queue } from '../broker.js';
import type { ApplyAsyncOptions } from '../client/apply-async-options.js';
import type { Clock } from '../clock.js';
import type { Settings } from '../config/settings.js';
import type { Logger } from '../logger.js';
import type { Pool, PoolOptions } from '../pool.js';
import type { MetricsOptions } from '../metrics/server.js';
import type { HealthOptions } from './health/health.js';
import type { MessageSecurity } from '../protocol/signing.js';
import type { RemoteCommand } from '../remote-control/command.js';
import type { Outgoing, ResultBackend, Settlement } from '../result-backend.js';
import type { Signals } from '../signals.js';
import type { Task } from '../task.js';

export interface WorkerParts {
  /** The app's name, as the banner shows it. */
  readonly appName: string;
  readonly settings: WorkerSettings;
  /** Every task that this worker knows, by name. */
  readonly tasks: ReadonlyMap<string, Task>;
  readonly broker: Broker;
  readonly backend: ResultBackend;
  /** Stores a result and acknowledges in one step, where broker and backend are one engine. */
  readonly settlement: Settlement;
  readonly producer: TaskPublisher;
  readonly queues: QueueTable;
  /** Where messages are signed. */
  readonly security?: MessageSecurity | undefined;
  openPool(kind: Pool['kind'], options: PoolOptions): Promise<Pool>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signals: Signals;
  readonly nodename: string;
  /** Where the banner and the words said outside the log go; default nowhere. */
  readonly voice?: WorkerVoice;
  /** What it takes to be one of a cluster: remote control, events. Without it a worker is alone. */
  readonly remote?: RemoteParts;
}

/** What other workers, monitors and operators need of this one. */
export interface RemoteParts {
  readonly settings: RemoteSettings;
  /** Commands that the app added. */
  readonly commands: readonly RemoteCommand[];
  /** All settings by Celery's names, for `inspect conf`: those that somebody set, or all of them. */
  table(which: 'changed' | 'all'): Readonly<Record<string, unknown>>;
}

/** The settings that remote control and events read. */
export type RemoteSettings = Pick<
  Settings,
  | 'workerEnableRemoteControl'
  | 'workerSendTaskEvents'
  | 'taskTimeLimit'
  | 'taskSoftTimeLimit'
  | 'workerMaxTasksPerChild'
  | 'controlAllow'
  | 'taskSerializer'
  | 'acceptContent'
  | 'controlExchange'
  | 'controlQueueTtl'
  | 'controlQueueExpires'
  | 'controlQueueExclusive'
  | 'controlQueueDurable'
  | 'eventExchange'
  | 'eventSerializer'
  | 'eventQueuePrefix'
  | 'eventQueueExpires'
  | 'eventQueueExclusive'
  | 'eventQueueDurable'
  | 'brokerConnectionTimeout'
  | 'brokerHeartbeat'
  | 'brokerTransportOptions'
>;

/** Sends the next try of a task, its callbacks, the rest of its chain. */
export interface TaskPublisher {
  /**
   * Publishes `name` with `args`; `options.kwargs` and everything else as in `applyAsync`. What the options
   * do not say is *not* taken from a running task. Resolves once the broker has the message.
   */
  publishTask(name: string, args: readonly unknown[], options: ApplyAsyncOptions): Promise<void>;
  /** The same message without sending it, its queue declared: for a step that does more than send. */
  prepareCall(name: string, args: readonly unknown[], options: ApplyAsyncOptions): Promise<PreparedMessage>;
}

export interface PreparedMessage extends Outgoing {
  /** To be called when the broker has it. */
  published(): void | Promise<void>;
}

/** The queues an app knows (`routing/queues.ts`). */
export interface QueueTable {
  declared(): readonly Queue[];
  has(name: string): boolean;
  /** @throws ConfigError when the name is unknown and may not be made up. */
  get(name: string): Queue;
}

/** Text that Celery prints past its log. */
export interface WorkerVoice {
  /** The banner: Celery prints it on stdout. */
  banner(text: string): void;
  /** `worker: Warm shutdown (MainProcess)`: Celery writes it to the bare stderr. */
  notice(text: string): void;
}

/** The settings a worker reads. */
export type WorkerSettings = Pick<
  Settings,
  | 'acceptContent'
  | 'timezone'
  | 'resultExtended'
  | 'taskAcksLate'
  | 'taskAcksOnFailureOrTimeout'
  | 'taskRejectOnWorkerLost'
  | 'taskIgnoreResult'
  | 'taskStoreErrorsEvenIfIgnored'
  | 'taskTrackStarted'
  | 'taskTimeLimit'
  | 'taskSoftTimeLimit'
  | 'resultChordJoinTimeout'
  | 'taskInheritParentPriority'
  | 'maxDeliveries'
  | 'maxMessageSize'
  | 'maxCallbacks'
  | 'maxChainLength'
  | 'failedTasksKept'
  | 'failedTasksExpires'
  | 'failedTasksMaxSize'
  | 'workerConcurrency'
  | 'workerPool'
  | 'workerPrefetchMultiplier'
  | 'workerDisablePrefetch'
  | 'workerDeduplicateSuccessfulTasks'
  | 'workerSendTaskEvents'
  | 'workerWarmShutdownTimeout'
  | 'workerSoftShutdownTimeout'
  | 'workerEnableSoftShutdownOnIdle'
  | 'workerDisableRateLimits'
  | 'taskDefaultRateLimit'
  | 'workerStateDb'
  | 'brokerConnectionRetry'
  | 'brokerConnectionRetryOnStartup'
  | 'brokerConnectionMaxRetries'
  | 'workerDirect'
>;

export interface WorkerOptions {
  readonly pool?: Pool['kind'];
  /** Slots; default `workerConcurrency`, else the pool's own default. */
  readonly concurrency?: number;
  /** Between how many and how many slots, as tasks need them, instead of a fixed number. */
  readonly autoscale?: { readonly max: number; readonly min: number };
  /** Take from these queues only (`-Q`). */
  readonly queues?: readonly string[];
  /** All but these (`-X`). */
  readonly excludeQueues?: readonly string[];
  /** Celery's: slots times this are reserved ahead, 0 for no limit; default `workerPrefetchMultiplier`. */
  readonly prefetchMultiplier?: number;
  /** File that remembers revoked ids; default `workerStateDb`. */
  readonly stateDb?: string;
  /** Where probes of a container runtime are answered; default nowhere. */
  readonly health?: HealthOptions;
  /** Where metrics are given in Prometheus' form; default nowhere, and nothing is counted. */
  readonly metrics?: MetricsOptions;
  /** Empty the queues before taking from them. */
  readonly purge?: boolean;
  /** Do not listen to other workers, take part in no elections. */
  readonly withoutGossip?: boolean;
  /** Do not ask the others at start what was revoked. */
  readonly withoutMingle?: boolean;
  /** Send no heartbeat events: monitors take this worker for dead. */
  readonly withoutHeartbeat?: boolean;
  /** Seconds between heartbeat events; default 2. */
  readonly heartbeatIntervalS?: number;
}

/**
 * ```
 *             ┌──────────────┐
 * starting → consuming ⇄ disconnected
 *                 └──────┬──────┘
 *                     draining → stopped
 * ```
 */
export type WorkerState = 'starting' | 'consuming' | 'disconnected' | 'draining' | 'stopped';

/** `clean`: everything that had begun has ended. `forced`: something that ran was cut off and given back. */
export type ExitStatus = 'clean' | 'forced';

/**
 * `warm` lets what runs finish; `cold` gives it back to the queue at once. `soft` is Celery 5.5's: what runs has
 * `workerSoftShutdownTimeout` seconds, and then it is cold.
 */
export type StopMode = 'warm' | 'soft' | 'cold';
