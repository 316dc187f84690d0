/** Why workers cannot be asked although the broker can be looked into. */
import { BrokerError } from '../errors.js';

/** Who may only read, or meets a full server, has no place for replies; undefined for any other trouble. */
export function whyUnasked(error: unknown): string | undefined {
  return error instanceof BrokerError && (isRefusal(error) || error.code === 'CTQ_BROKER_FAILED') ? error.message : undefined;
}

/** It is not the server that is in trouble, but this user who may not. */
export function isRefusal(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'CTQ_BROKER_REFUSED';
}
