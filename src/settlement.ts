/**
 * Chooses how a task's life ends: in one atomic step where broker and result backend share a store,
 * else result first and acknowledgement second (RELIABILITY (e) 8).
 */
import { type BackOff, backOffMs } from './back-off.js';
import type { Broker, Delivery, Settled } from './broker.js';
import { type Clock, systemClock } from './clock.js';
import { ResultBackendError } from './errors.js';
import { type Logger, silentLogger } from './logger.js';
import type { ResultMeta } from './protocol/result-meta.js';
import type { ChordPart, Ending, ResultBackend, Settlement } from './result-backend.js';

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
  return (isJointSettler(broker) ? broker.settlementWith(backend) : undefined) ?? sequentialSettlement(broker, backend, options);
}

function isJointSettler(broker: Broker): broker is Broker & JointSettler {
  return typeof (broker as Partial<JointSettler>).settlementWith === 'function';
}

/**
 * An errback may look up the failure it is called for. What follows a success goes out before: a success
 * that is stored may be all that a second run of the task looks for.
 */
export function resultsFirst(metas: readonly ResultMeta[]): boolean {
  return metas[0]?.status === 'FAILURE';
}

const RETRY: BackOff = { firstMs: 100, longestMs: 5_000 };

/**
 * Send, store, then acknowledge. A backend that is away is tried again for as long as the delivery is ours:
 * its lease is renewed meanwhile, so the finished task waits instead of running again (R: W1, M27). A crash
 * between two of these steps repeats what came before it: at least once, as between any two systems.
 */
export function sequentialSettlement(broker: Pick<Broker, 'publish'>, backend: ResultBackend, options: SettlementOptions = {}): Settlement {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? silentLogger;
  const patiently = async (delivery: Delivery, taskId: string, work: () => Promise<void>): Promise<void> => {
    for (let attempt = 1; !delivery.fenced; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ResultBackendError)) throw error;
        const retryInMs = backOffMs(RETRY, attempt);
        logger.error('Cannot store the result of %s: %s. Trying again in %d ms.', taskId, error.message, retryInMs);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, retryInMs));
      }
    }
  };
  const end = async (delivery: Delivery, { metas, sends, closes, failure }: Ending): Promise<Settled> => {
    if (delivery.fenced) return delivery.ack();
    const storeAll = async (): Promise<void> => {
      for (const meta of metas) await patiently(delivery, meta.taskId, () => backend.store(meta));
    };
    if (resultsFirst(metas)) await storeAll();
    await Promise.all(sends.map(({ message, route }) => broker.publish(message, route)));
    if (!resultsFirst(metas)) await storeAll();
    if (closes !== undefined) await patiently(delivery, closes, async () => backend.chords?.close(closes));
    return failure === undefined || delivery.fail === undefined ? delivery.ack() : delivery.fail(failure);
  };
  return {
    async complete(delivery: Delivery, meta: ResultMeta): Promise<Settled> {
      await patiently(delivery, meta.taskId, () => backend.store(meta));
      return delivery.ack();
    },
    end,
    async endPart(delivery: Delivery, part: ChordPart, ending: Ending): Promise<Settled | readonly ChordPart[]> {
      if (delivery.fenced) return delivery.ack();
      // Whoever completes the chord may look this result up.
      for (const meta of ending.metas) await patiently(delivery, meta.taskId, () => backend.store(meta));
      let parts: readonly ChordPart[] | undefined;
      await patiently(delivery, part.taskId, async () => {
        parts = await backend.chords?.report(part);
      });
      return parts ?? end(delivery, ending);
    },
  };
}
