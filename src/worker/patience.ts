/** Trying again while a broker or a result store is away: a finished task waits, it is not lost (W1, M27). */
import type { Clock } from '../clock.js';
import { BrokerError, type CtqError, ResultBackendError } from '../errors.js';
import type { Logger } from '../logger.js';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

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
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return await act();
    } catch (error) {
      if (!isTemporary(error) || givenUp()) throw error;
      logger.error('Cannot %s: %s. Trying again in %d ms.', what, (error as CtqError).message, waitMs);
      // Up to a quarter more, so that a fleet of workers does not knock all at once.
      await new Promise<void>((resolve) => clock.setTimeout(resolve, waitMs * (1 + Math.random() / 4)));
      if (givenUp()) throw error;
    }
  }
}
