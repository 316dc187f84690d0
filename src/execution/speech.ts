/** What a task may throw to speak, read by shape: two copies of this library in one process must understand each other. */
import { Ignore, Reject, type Replaced, Retry, type RetryOptions } from '../task.js';

export type Speech =
  | { readonly kind: 'retry'; readonly options: RetryOptions }
  | { readonly kind: 'ignore'; readonly reason: string | null; readonly replacement?: unknown }
  | { readonly kind: 'reject'; readonly reason: string | null; readonly requeue: boolean };

/** undefined for everything that is an ordinary failure. */
export function speechOf(thrown: unknown): Speech | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof Retry || (thrown.name === 'Retry' && 'options' in thrown)) {
    return { kind: 'retry', options: (thrown as Retry).options ?? {} };
  }
  if (thrown instanceof Ignore || thrown.name === 'Ignore') {
    const reason = thrown.message || null;
    return isReplacement(thrown) ? { kind: 'ignore', reason, replacement: thrown.replacement } : { kind: 'ignore', reason };
  }
  if (thrown instanceof Reject || (thrown.name === 'Reject' && 'requeue' in thrown)) {
    return { kind: 'reject', reason: thrown.message || null, requeue: (thrown as Reject).requeue === true };
  }
  return undefined;
}

/** What `task.replace()` made: to be thrown, but `return task.replace(…)` is what Celery's users write. */
export function isReplacement(value: unknown): value is Replaced {
  return value instanceof Error && value.name === 'Ignore' && 'replacement' in value;
}
