/** The contract between the worker and whatever runs task code. `pools/` holds the ways to keep it. */
import type { Invocation } from './execution/invocation.js';
import type { Outcome } from './execution/outcome.js';

export interface PoolWatch {
  /** Aborted on revoke and on a cold stop; `signal.reason` says which. */
  readonly signal: AbortSignal | undefined;
  /** The run has begun, in the process with this pid. */
  started(pid: number): void;
}

export interface Pool {
  readonly kind: 'async' | 'threads' | 'prefork' | 'solo';
  /** How many run at once. */
  readonly size: number;
  /** A failing task is an Outcome, never a rejection. */
  run(invocation: Invocation, watch: PoolWatch): Promise<Outcome>;
  resize(size: number): Promise<void>;
  /** `drain` waits for what runs; `terminate` aborts it. */
  close(how: 'drain' | 'terminate'): Promise<void>;
}
