/**
 * Whether and when a task is tried again. Pure: the same rules as Celery's `Task.retry` and `autoretry_for`
 * (WIRE 9.3, 9.4).
 */
import type { ErrorClass, RetryOptions, TaskOptions } from '../task.js';

/** Celery's defaults for every task. */
const MAX_RETRIES = 3;
const RETRY_DELAY_S = 180;
const BACKOFF_MAX_S = 600;

/** True for an instance of one of the classes, or of a class with one of the names. */
export function isOneOf(error: unknown, expected: readonly (ErrorClass | string)[] | undefined): boolean {
  if (expected === undefined || expected.length === 0) return false;
  return expected.some((entry) => (typeof entry === 'string' ? hasName(error, entry) : error instanceof entry));
}

/** The error's own name or that of any class it descends from: `except OSError` catches its subclasses too. */
function hasName(error: unknown, name: string): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === name) return true;
  for (let proto: unknown = Object.getPrototypeOf(error); proto !== null; proto = Object.getPrototypeOf(proto)) {
    if ((proto as { constructor?: { name?: unknown } }).constructor?.name === name) return true;
    if (proto === Error.prototype) return false;
  }
  return false;
}

/** What `autoretryFor` makes of an error: options for a retry, or undefined when it is an ordinary failure. */
export function autoretry(
  options: TaskOptions,
  error: unknown,
  retries: number,
  random: () => number = Math.random,
): RetryOptions | undefined {
  if (!isOneOf(error, options.autoretryFor) || isOneOf(error, options.dontAutoretryFor)) return undefined;
  const backoff = options.retryBackoff;
  if (backoff === undefined || backoff === false || backoff === 0) return { exc: error };
  return { exc: error, countdown: backoffDelayS(options, retries, random) };
}

/** min(backoffMax, factor · 2^retries); with jitter a whole number from 0 to that, both included. */
function backoffDelayS(options: TaskOptions, retries: number, random: () => number): number {
  const factor = Math.trunc(Math.max(1, Number(options.retryBackoff)));
  const delayS = Math.min(options.retryBackoffMax ?? BACKOFF_MAX_S, factor * 2 ** retries);
  return options.retryJitter === false ? delayS : Math.floor(random() * (Math.trunc(delayS) + 1));
}

/** True when another try would be one too many. */
export function retriesExhausted(options: TaskOptions, retry: RetryOptions, retries: number): boolean {
  const most = retry.maxRetries === undefined ? options.maxRetries : retry.maxRetries;
  return most !== null && retries + 1 > (most ?? MAX_RETRIES);
}

/** Seconds to wait for the next try; null when the retry names a date instead. */
export function retryCountdownS(options: TaskOptions, retry: RetryOptions): number | null {
  if (retry.countdown !== undefined) return retry.countdown;
  return retry.eta === undefined ? (options.defaultRetryDelay ?? RETRY_DELAY_S) : null;
}
