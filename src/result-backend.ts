/**
 * The contract between ctq and whatever keeps results. `result-backends/` holds the ways to keep it
 * and `test/contract/result-backend.ts` is what each must pass.
 */
import type { Delivery, Settled } from './broker.js';
import type { ResultMeta } from './protocol/result-meta.js';

export interface ResultBackend {
  /** The URL with its password masked; `disabled://` when results are off. */
  readonly displayUrl: string;
  /** Stores and announces. Never replaces a stored SUCCESS (WIRE 7.2). */
  store(meta: ResultMeta): Promise<void>;
  /** undefined is Celery's PENDING. */
  load(taskId: string): Promise<ResultMeta | undefined>;
  loadMany(taskIds: readonly string[]): Promise<(ResultMeta | undefined)[]>;
  /**
   * Resolves with the first final state (SUCCESS, FAILURE, REVOKED); subscribes first and looks then, so
   * nothing falls between. `onUpdate` sees states on the way (STARTED, RETRY, custom).
   * Rejects with the signal's reason when aborted.
   */
  wait(taskId: string, options: WaitOptions): Promise<ResultMeta>;
  forget(taskId: string): Promise<void>;
  close(): Promise<void>;
}

export interface WaitOptions {
  readonly signal?: AbortSignal;
  readonly onUpdate?: (meta: ResultMeta) => void;
}

export interface ResultBackendOptions {
  /** `result_backend_transport_options`, by Celery's names. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** Seconds to keep results; 0 or null keeps them for ever. Celery's `result_expires`. */
  readonly resultExpires: number | null;
  readonly connectTimeoutMs: number;
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
}

/**
 * Ends a task's life: the result is stored, *then* the delivery is acknowledged, and no crash in
 * between can lose either. Where broker and backend are one engine this is one atomic step
 * (RELIABILITY (e) 8); else result first, acknowledgement second. Calls of one tick travel together.
 */
export interface Settlement {
  /** `fenced`: the delivery was no longer ours, and the result was not written either. */
  complete(delivery: Delivery, meta: ResultMeta): Promise<Settled>;
}
