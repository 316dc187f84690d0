/**
 * How much may follow a task: what one message carries is one step's work for whoever reads it, and anybody who can
 * write to a queue writes messages (RELIABILITY S21). Celery has no such limits.
 */
import { ProtocolError } from '../errors.js';

/** The settings of these names. */
export interface FollowLimits {
  /** Callbacks of one task, and errbacks of one task. */
  readonly maxCallbacks: number;
  /** Steps of a chain that are still to come. */
  readonly maxChainLength: number;
}

/** What follows a task, as dicts. */
export interface Following {
  readonly callbacks?: readonly unknown[] | null | undefined;
  readonly errbacks?: readonly unknown[] | null | undefined;
  readonly chain?: readonly unknown[] | null | undefined;
}

/** @throws {@link ProtocolError} that names the limit. */
export function checkFollowing(following: Following, { maxCallbacks, maxChainLength }: FollowLimits): void {
  check(following.callbacks, 'callbacks', maxCallbacks, 'max_callbacks');
  check(following.errbacks, 'errbacks', maxCallbacks, 'max_callbacks');
  check(following.chain, 'later steps of its chain', maxChainLength, 'max_chain_length');
}

function check(list: readonly unknown[] | null | undefined, what: string, limit: number, setting: string): void {
  if (list === undefined || list === null || list.length <= limit) return;
  throw new ProtocolError('CTQ_PROTOCOL_TOO_LARGE', `the task has ${list.length} ${what}, and ${setting} allows ${limit}`, {
    hint: `raise ${setting} where it is sent and where it is run, or let a task send the rest`,
  });
}
