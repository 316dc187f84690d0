/** Waiting for a condition instead of sleeping until it is probably true. */
import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Default 20 s: generous, for a busy machine; a passing test never waits for it. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Repeats `attempt` until it neither throws nor returns false, and gives what it returned. At the
 * timeout it throws what the last attempt threw, so that the report shows the assertion itself.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? 20_000);
  for (;;) {
    let problem: unknown;
    try {
      const value = await attempt();
      if (value !== false) return value;
      problem = new Error(`still false after ${options.timeoutMs ?? 20_000} ms: ${attempt.toString()}`);
    } catch (error) {
      problem = error;
    }
    if (performance.now() >= deadlineMs) throw problem;
    await delay(options.intervalMs ?? 20);
  }
}

/** Holds for the whole time: for "does not happen", where there is no event to wait for. */
export async function throughout(durationMs: number, assertion: () => void | Promise<void>, intervalMs = 25): Promise<void> {
  const deadlineMs = performance.now() + durationMs;
  do {
    await assertion();
    await delay(intervalMs);
  } while (performance.now() < deadlineMs);
}
