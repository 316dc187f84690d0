/**
 * The contract of remote control: what a command is, for the worker that obeys it and for the command
 * line that sends it, and how much of a worker it may see. `commands/` holds Celery's; an app adds its
 * own with `app.control.command()`.
 */
import type { Queue } from '../broker.js';
import type { Logger } from '../logger.js';
import type { LamportClock } from '../protocol/lamport-clock.js';

/** Keyword arguments as they came from anybody; each command checks its own. */
export type CommandArguments = Readonly<Record<string, unknown>>;

/** A positional argument on the command line, and the keyword it is sent as. */
export interface CommandParameter {
  readonly name: string;
  readonly read: 'text' | 'number' | 'whole number' | 'flag' | 'rate';
}

export interface RemoteCommand<Args extends CommandArguments = CommandArguments, Reply = unknown> {
  /** Celery's name: `add_consumer`. */
  readonly name: string;
  /** `inspect` only looks, `control` changes something. */
  readonly kind: 'inspect' | 'control';
  /** One line of help. */
  readonly summary: string;
  /** An older name that workers still obey. */
  readonly alias?: string;
  /** What a command line may give without a name, in order. */
  readonly parameters?: readonly CommandParameter[];
  /** The keyword that takes all further words as a list. */
  readonly variadic?: string;
  /** How help shows the arguments: `<queue> [exchange [type [routing_key]]]`. */
  readonly usage?: string;
  /** Arguments it cannot do without. */
  readonly required?: readonly string[];
  /** Refuses arguments that are not in this list; without it they are ignored, as in Celery. */
  readonly only?: readonly string[];
  /** Between workers; not offered to people. */
  readonly hidden?: boolean;
  /** Never answers: the worker is gone. */
  readonly silent?: boolean;
  /** What it returns is the answer; what it throws is answered as `{"error": "ValueError('…')"}`. */
  handle(worker: WorkerView, args: Args): Reply | Promise<Reply>;
}

/** What a command throws to be answered with a Python exception of this name. */
export class CommandError extends Error {
  constructor(type: 'ValueError' | 'TypeError' | 'KeyError' | 'AttributeError' | 'PermissionError', message: string) {
    super(message);
    this.name = type;
  }
}

/** A task that a worker has taken, as remote control shows it. */
export interface HeldRequest {
  readonly id: string;
  /** The shadow name where there is one. */
  readonly name: string;
  /** The registered name. */
  readonly type: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly argsRepr: string;
  readonly kwargsRepr: string;
  /** Null until a pool began it. */
  readonly startedAtMs: number | null;
  readonly acknowledged: boolean;
  readonly workerPid: number | null;
  readonly deliveryInfo: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly priority: number | null;
    readonly redelivered: boolean;
  };
  readonly stamps: Readonly<Record<string, unknown>>;
}

/** One that waits in the worker for its time. */
export interface PostponedRequest {
  readonly etaMs: number;
  readonly request: HeldRequest;
}

/** `active` in the pool, `reserved` for it; `ready` for what is known and in neither. */
export type RequestState = 'active' | 'reserved' | 'ready';

/** Arguments may have to be unpacked to be shown, so looking takes its time. */
export interface RequestsView {
  active(): Promise<readonly HeldRequest[]>;
  reserved(): Promise<readonly HeldRequest[]>;
  scheduled(): Promise<readonly PostponedRequest[]>;
  find(id: string): Promise<{ readonly state: RequestState; readonly request: HeldRequest } | undefined>;
  /** Tells those that run: they may stop by themselves. */
  revoke(ids: readonly string[]): void;
  /** Ends those that run and keeps those that wait from running. Returns the ids among them that were here. */
  terminate(ids: readonly string[], signal: string): readonly string[];
}

/** Ids whose tasks shall not run. */
export interface RevokesView {
  ids(): readonly string[];
  /** Id → when it was revoked, in seconds of the machine's monotonic clock, as Python's workers exchange them. */
  times(): ReadonlyMap<string, number>;
  /**
   * An operator's revoke: remembered beyond this worker where the broker can. `mark` stores REVOKED at once,
   * for whoever waits; `leave` leaves that to the worker that ends the run.
   */
  revoke(ids: readonly string[], results: 'mark' | 'leave'): void;
  /** What another worker knew already. */
  learn(ids: readonly string[]): void;
  /** Tasks with this value in this stamp shall not run. */
  revokeStamp(header: string, values: readonly unknown[]): void;
}

export interface TasksView {
  has(name: string): boolean;
  names(): readonly string[];
  /** A task attribute by Celery's name (`rate_limit`, `max_retries`); undefined or null when it has none. */
  attribute(name: string, attribute: string): unknown;
  /** Null lifts the limit. */
  setRateLimit(name: string, limit: string | number | null): void;
  /** Seconds; null lifts them. */
  setTimeLimits(name: string, limits: { readonly soft: number | null; readonly hard: number | null }): void;
}

export interface AutoscaleView {
  info(): { readonly max: number; readonly min: number; readonly current: number; readonly qty: number };
  update(max: number | null, min: number | null): { readonly max: number; readonly min: number };
}

export interface PoolView {
  readonly kind: string;
  /** Adds so many slots; negative takes some away. @throws CommandError when this pool has a fixed size. */
  grow(by: number): void | Promise<void>;
  /** Undefined where pools cannot be restarted. */
  restart?(): void | Promise<void>;
  /** Undefined while autoscaling is off. */
  readonly autoscale?: AutoscaleView | undefined;
  /** Celery's names: `max-concurrency`, `processes`, `timeouts` … */
  info(): Readonly<Record<string, unknown>>;
}

export interface QueuesView {
  list(): readonly Queue[];
  add(queue: QueueRequest): void | Promise<void>;
  cancel(name: string): void | Promise<void>;
}

/** What `add_consumer` asks for; a queue that the settings know keeps what they say. */
export interface QueueRequest {
  readonly name: string;
  readonly exchange: string | null;
  readonly exchangeType: string;
  readonly routingKey: string | null;
}

export interface EventsView {
  /** False when they were on already. */
  enableTaskEvents(): boolean;
  /** False when they were off already, or were switched on for good by `-E`. */
  disableTaskEvents(): boolean;
  /** Now, not at the next beat. */
  sendHeartbeat(): void;
}

/** Figures for `stats`. */
export interface WorkerFigures {
  /** Task name → how many began. */
  readonly total: Readonly<Record<string, number>>;
  /** How many deliveries may be unsettled at once. */
  readonly prefetchCount: number;
  readonly uptimeS: number;
  /** Seconds until an attempt to connect is given up. */
  readonly connectTimeoutS: number;
  readonly heartbeatS: number | null;
  /** The broker's URL, masked. */
  readonly brokerUrl: string;
  readonly transportOptions: Readonly<Record<string, unknown>>;
}

export interface SettingsView {
  /** By Celery's names, unmasked: whoever shows them hides the secrets. Without defaults: what somebody set. */
  table(which: 'changed' | 'all'): Readonly<Record<string, unknown>>;
}

/** A worker, as far as remote control may see it and change it. */
export interface WorkerView {
  readonly nodename: string;
  readonly pid: number;
  readonly logger: Logger;
  readonly clock: LamportClock;
  readonly requests: RequestsView;
  readonly revokes: RevokesView;
  readonly tasks: TasksView;
  readonly pool: PoolView;
  readonly queues: QueuesView;
  readonly events: EventsView;
  readonly settings: SettingsView;
  figures(): WorkerFigures;
  /** Takes part in choosing one worker for `action`. */
  elect(id: string, topic: string, action: unknown): void;
  /** Stops warmly, soon. */
  shutdown(): void;
}
