/**
 * Chooses how a task's life ends: in one atomic step where broker and result backend share a store,
 * else result first and acknowledgement second (RELIABILITY (e) 8).
 */
import type { Broker, Delivery, Settled } from './broker.js';
import { type Clock, systemClock } from './clock.js';
import { ResultBackendError } from './errors.js';
import { type Logger, silentLogger } from './logger.js';
import type { ResultMeta } from './protocol/result-meta.js';
import type { ResultBackend, Settlement } from './result-backend.js';

/** A broker that can write some backends' results in the step that acknowledges. */
export interface JointSettler {
  /** undefined when this backend keeps its results elsewhere. */
  settlementWith(backend: ResultBackend): Settlement | undefined;
}

export interface SettlementOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export function openSettlement(broker: Broker, backend: ResultBackend, options: SettlementOptions = {}): Settlement {
  return (isJointSettler(broker) ? broker.settlementWith(backend) : undefined) ?? sequentialSettlement(backend, options);
}

function isJointSettler(broker: Broker): broker is Broker & JointSettler {
  return typeof (broker as Partial<JointSettler>).settlementWith === 'function';
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/**
 * Store, then acknowledge. A backend that is away is tried again for as long as the delivery is ours:
 * its lease is renewed meanwhile, so the finished task waits instead of running again (R: W1, M27).
 */
export function sequentialSettlement(backend: ResultBackend, options: SettlementOptions = {}): Settlement {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  return {
    async complete(delivery: Delivery, meta: ResultMeta): Promise<Settled> {
      for (let attempt = 0; ; attempt += 1) {
        if (delivery.fenced) return delivery.ack();
        try {
          await backend.store(meta);
          return await delivery.ack();
        } catch (error) {
          if (!(error instanceof ResultBackendError)) throw error;
          const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS) * (0.75 + Math.random() / 2);
          logger.error('Cannot store the result of %s: %s. Trying again in %d ms.', meta.taskId, error.message, Math.round(retryInMs));
          await new Promise<void>((resolve) => clock.setTimeout(resolve, retryInMs));
        }
      }
    },
  };
}
