/** Takes the messages of a queue as they come, and keeps their task ids. */
import type { Broker } from '../../src/broker.js';

export interface CountedMessages {
  /** In order of arrival. */
  readonly ids: string[];
}

export function countMessages(broker: Broker, queue: string): CountedMessages {
  const ids: string[] = [];
  void broker.consume({
    queues: [{ name: queue, exchange: { name: '', type: 'direct' }, routingKey: queue }],
    prefetch: 1_000,
    name: 'counter@test',
    handler: {
      deliver(batch) {
        for (const delivery of batch) {
          ids.push(String(delivery.message.headers['id']));
          void delivery.ack();
        }
      },
      malformed() {},
      disconnected() {},
      connected() {},
      fenced() {},
    },
  });
  return { ids };
}
