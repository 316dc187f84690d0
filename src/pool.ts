/** The contract between the worker and whatever runs task code. `pools/` holds the ways to keep it. */
import type { ExecutionEnvironment } from './execution/environment.js';
import type { Invocation } from './execution/invocation.js';
import type { Outcome } from './execution/outcome.js';

/** Why a run is ended from outside: revoked with terminate, its lease is gone, the worker stops cold. */
export type AbortReason = 'terminated' | 'fenced' | 'shutdown';

/** The worker's end of one run; it lives as long as the run and is the same object throughout. */
export interface PoolWatch {
  /** The run has begun, in the process with this pid. */
  started(pid: number): void;
  /** The soft limit has passed; the task has been told. */
  softLimitExceeded(limitMs: number): void;
  /**
   * Put here by the pool once a run is under way that can be ended from outside, and called by the worker.
   * A field and not an AbortSignal: most runs are over before anybody could want to end them.
   */
  abort: ((reason: AbortReason) => void) | undefined;
}

export interface Pool {
  readonly kind: 'async' | 'threads' | 'prefork' | 'solo';
  /** How many run at once. */
  readonly size: number;
  /**
   * A failing task is an Outcome, never a rejection. What needs no waiting is answered at once, without a
   * promise. An aborted run ends as `revoked` (terminated) or `requeued` (fenced, shutdown).
   */
  run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome>;
  resize(size: number): Promise<void>;
  /** `drain` waits for what runs; `terminate` aborts it. */
  close(how: 'drain' | 'terminate'): Promise<void>;
}

export interface PoolOptions {
  readonly size: number;
  readonly environment: ExecutionEnvironment;
}
