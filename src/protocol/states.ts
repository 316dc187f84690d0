/** Task states and their sets (WIRE 1.4; celery/states.py). Tasks may store any other word of their own. */
export const PENDING = 'PENDING';
export const RECEIVED = 'RECEIVED';
export const STARTED = 'STARTED';
export const SUCCESS = 'SUCCESS';
export const FAILURE = 'FAILURE';
export const REVOKED = 'REVOKED';
export const REJECTED = 'REJECTED';
export const RETRY = 'RETRY';
export const IGNORED = 'IGNORED';

/** Final: nothing comes after. */
export const READY_STATES: ReadonlySet<string> = new Set([SUCCESS, FAILURE, REVOKED]);
export const UNREADY_STATES: ReadonlySet<string> = new Set([PENDING, RECEIVED, STARTED, REJECTED, RETRY]);
/** The stored result is an encoded exception. */
export const EXCEPTION_STATES: ReadonlySet<string> = new Set([FAILURE, RETRY, REVOKED]);
/** `get()` throws. */
export const PROPAGATE_STATES: ReadonlySet<string> = new Set([FAILURE, REVOKED]);
export const ALL_STATES: ReadonlySet<string> = new Set([PENDING, RECEIVED, STARTED, SUCCESS, FAILURE, REVOKED, REJECTED, RETRY, IGNORED]);

/** Whether nothing comes after this state. */
export function isReady(state: string): boolean {
  return READY_STATES.has(state);
}

/** Later in a task's life first. A state that is not here ranks between FAILURE and REVOKED. */
const ORDER: readonly (string | null)[] = [SUCCESS, FAILURE, null, REVOKED, STARTED, RECEIVED, REJECTED, RETRY, PENDING];

/** Smaller is later: what events out of order are sorted by. */
export function precedence(state: string): number {
  const index = ORDER.indexOf(state);
  return index < 0 ? ORDER.indexOf(null) : index;
}
