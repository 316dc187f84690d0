/** What a task may throw to speak, read by shape: two copies of this library in one process must understand each other. */
import { Ignore, Reject, Retry, type RetryOptions } from '../task.js';

export type Speech =
  | { readonly kind: 'retry'; readonly options: RetryOptions }
  | { readonly kind: 'ignore'; readonly reason: string | null }
  | { readonly kind: 'reject'; readonly reason: string | null; readonly requeue: boolean };

/** undefined for everything that is an ordinary failure. */
export function speechOf(thrown: unknown): Speech | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof Retry || (thrown.name === 'Retry' && 'options' in thrown)) {
    return { kind: 'retry', options: (thrown as Retry).options ?? {} };
  }
  if (thrown instanceof Ignore || thrown.name === 'Ignore') return { kind: 'ignore', reason: thrown.message || null };
  if (thrown instanceof Reject || (thrown.name === 'Reject' && 'requeue' in thrown)) {
    return { kind: 'reject', reason: thrown.message || null, requeue: (thrown as Reject).requeue === true };
  }
  return undefined;
}
