/** Where somebody traces: the context of the run's span, as headers. What follows from the run is sent within it. */
interface Traced {
  readonly trace?: Readonly<Record<string, string>>;
}

/** The nine ways a run can end. `worker/settle.ts` is one exhaustive switch over them. */
import type { RemoteErrorInfo } from '../errors.js';
import type { ResultTree } from '../protocol/result-meta.js';

export type Outcome =
  | (Traced & {
      readonly kind: 'success';
      readonly value: unknown;
      /** The tasks it sent. */
      readonly children?: readonly ResultTree[];
    })
  | (Traced & {
      readonly kind: 'failure';
      readonly error: RemoteErrorInfo;
      /** In the task's `throws`: expected, logged without a traceback. */
      readonly expected: boolean;
      readonly children?: readonly ResultTree[];
    })
  | (Traced & {
      readonly kind: 'retry';
      /** What made it retry; null when the task only asked. */
      readonly error: RemoteErrorInfo | null;
      readonly countdownS: number | null;
      readonly eta: string | null;
      /** Replacements, where the task gave other arguments for the next try. */
      readonly args: readonly unknown[] | null;
      readonly kwargs: Readonly<Record<string, unknown>> | null;
      /** Further apply_async options for the next try (queue, priority …). */
      readonly options: Readonly<Record<string, unknown>>;
      readonly children?: readonly ResultTree[];
    })
  | { readonly kind: 'revoked'; readonly reason: 'revoked' | 'expired' | 'terminated'; readonly signal?: string }
  | { readonly kind: 'timed-out'; readonly limitMs: number }
  | {
      readonly kind: 'worker-lost';
      readonly exitCode: number | null;
      readonly signal: string | null;
      /** What is known beyond that: `out of memory`. */
      readonly detail?: string;
    }
  | {
      readonly kind: 'ignored';
      readonly reason: string | null;
      /** The signature of the task that takes its place, as a dict. */
      readonly replacement?: unknown;
    }
  | { readonly kind: 'rejected'; readonly reason: string | null }
  | { readonly kind: 'requeued'; readonly reason: string | null };
