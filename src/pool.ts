/** The contract between the worker and whatever runs task code. `pools/` holds the ways to keep it. */
import type { ExecutionEnvironment } from './execution/environment.js';
import type { Invocation } from './execution/invocation.js';
import type { Outcome } from './execution/outcome.js';
import type { LogLevel } from './logger.js';

/**
 * Why a run is ended from outside: revoked with terminate, its lease is gone, the worker stops cold. `revoked`, without
 * terminate, ends nothing: the task hears it, and may stop by itself.
 */
export type AbortReason = 'revoked' | 'terminated' | 'fenced' | 'shutdown';

/** The worker's end of one run; it lives as long as the run and is the same object throughout. */
export interface PoolWatch {
  /** The run has begun, in the process with this pid. */
  started(pid: number): void;
  /** The soft limit has passed; the task has been told. */
  softLimitExceeded(limitMs: number): void;
  /**
   * Put here by the pool once a run is under way that can be ended from outside, and called by the worker.
   * A field and not an AbortSignal: most runs are over before anybody could want to end them.
   *
   * @param signal - With `terminated`: the operator's choice, `SIGTERM` where there was none.
   */
  abort: ((reason: AbortReason, signal?: string) => void) | undefined;
}

export interface Pool {
  readonly kind: 'async' | 'threads' | 'prefork' | 'solo';
  /** How many run at once. */
  readonly size: number;
  /**
   * A failing task is an Outcome, never a rejection. What needs no waiting is answered at once, without a
   * promise. An aborted run ends as `revoked` (terminated; revoked, if it throws what its
   * signal tells) or `requeued` (fenced, shutdown).
   */
  run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome>;
  /** Where task code runs now: this process, or children. */
  readonly processes: readonly number[];
  /** What runs too much runs on to its end. @throws ConfigError where the size is fixed. */
  resize(size: number): Promise<void>;
  /** Replaces the children, each when it is idle; they load the app afresh. Undefined where there are none. */
  restart?(): Promise<void>;
  /** Where the code of its runs is, by the ids of their tasks; not of those that wait for something. Undefined where nobody can look. */
  stacks?(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** `drain` waits for what runs; `terminate` aborts it. */
  close(how: 'drain' | 'terminate'): Promise<void>;
}

export const DEFAULT_NODENAME = 'celery@localhost';

export interface PoolOptions {
  readonly size: number;
  readonly environment: ExecutionEnvironment;
  /** The sender of the signals about processes; default {@link DEFAULT_NODENAME}. */
  readonly nodename?: string;
  /** For pools whose tasks run elsewhere. */
  readonly children?: ChildOptions;
}

export interface ChildOptions {
  /** How they find the app; undefined when it has no module that another process could load. */
  readonly home: AppHome | undefined;
  /** Makes the app anew from its sources, for children that are to load what is there now. @throws ConfigError when it does not compile. */
  readonly reload?: () => Promise<AppHome>;
  /** A child is replaced after so many tasks; null never. */
  readonly maxTasks: number | null;
  /** A child that is larger than this after a task is replaced. KiB; null never. */
  readonly maxMemoryKib: number | null;
  /** At which level the log gets what tasks print; null leaves the streams alone. */
  readonly printLevel: LogLevel | null;
}

/** Where the app is and what stands above its own settings: text, for it crosses to another process. */
export interface AppHome {
  readonly address: AppAddress;
  /** The settings' layers, strongest first, as JSON. */
  readonly layers: string;
  readonly baseFolder: string;
}

/** The modules that make up the app, as the parent has loaded them. */
export interface AppAddress {
  readonly workdir: string;
  readonly module: ModuleAddress;
  readonly included: readonly ModuleAddress[];
  /** Source → what Node imports for it: itself, or what it was compiled to. */
  readonly places: readonly (readonly [file: string, place: string])[];
}

export interface ModuleAddress {
  readonly file: string;
  readonly name: string;
  readonly symbol: string | undefined;
}
