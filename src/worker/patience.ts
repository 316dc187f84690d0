/** Trying again while a broker or a result store is away: a finished task waits, it is not lost (W1, M27). */
import { type BackOff, backOffMs } from '../back-off.js';
import type { Clock } from '../clock.js';
import { BrokerError, type CtqError, ResultBackendError } from '../errors.js';
import type { Logger } from '../logger.js';

const RETRY: BackOff = { firstMs: 100, longestMs: 5_000 };

export interface Patience {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Completes "Cannot …". */
  readonly what: string;
  /** Asked before each further try: nobody needs it any more. */
  readonly givenUp: () => boolean;
}

/** True for what may be different in a moment. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof BrokerError) return error.retryable;
  return error instanceof ResultBackendError && error.code !== 'CTQ_BACKEND_DISABLED';
}

/** Repeats `act` for as long as it fails in a way that passes. @throws what `act` threw at last, when it does not pass or was given up. */
export async function patiently<T>(act: () => Promise<T>, { clock, logger, what, givenUp }: Patience): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      if (!isTemporary(error) || givenUp()) throw error;
      const waitMs = backOffMs(RETRY, attempt);
      logger.error('Cannot %s: %s. Trying again in %d ms.', what, (error as CtqError).message, waitMs);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, waitMs));
      if (givenUp()) throw error;
    }
  }
}
