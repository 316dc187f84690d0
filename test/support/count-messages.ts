/** Takes the messages of a queue as they come, and keeps their task ids. */
import type { Broker } from '../../src/broker.js';
import { consume } from '../contract/broker/verbs.js';
import { DeliveryLog, messageId } from '../contract/delivery-log.js';

export interface CountedMessages {
  /** In order of arrival. */
  readonly ids: readonly string[];
}

export async function countMessages(broker: Broker, queue: string): Promise<CountedMessages> {
  const ids: string[] = [];
  const log = new DeliveryLog({
    onDeliver: (delivery) => {
      ids.push(messageId(delivery.message));
      void delivery.ack();
    },
  });
  await consume(broker, [queue], 1_000, log);
  return { ids };
}
