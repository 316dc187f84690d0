/** What the cases do again and again. */
import type { Broker, Consumer, Queue } from '../../../src/broker.js';
import { DeliveryLog } from '../delivery-log.js';
import { plainQueue, taskMessage, toQueue } from '../messages.js';

/** Sends task messages with these ids to a queue, all in one tick. */
export async function send(broker: Broker, queue: string, ids: readonly string[], priority = 0): Promise<void> {
  await Promise.all(ids.map((id) => broker.publish(taskMessage(id, { priority }), toQueue(queue))));
}

export function consume(broker: Broker, queues: readonly (string | Queue)[], prefetch: number, log: DeliveryLog): Promise<Consumer> {
  return broker.consume({
    queues: queues.map((queue) => (typeof queue === 'string' ? plainQueue(queue) : queue)),
    prefetch,
    name: 'contract@test',
    handler: log,
  });
}

export async function declare(broker: Broker, ...names: readonly string[]): Promise<void> {
  for (const name of names) await broker.declare(plainQueue(name));
}

/** The queue `q`, which holds these messages, and a consumer that takes so many of them at a time. */
export async function taking(
  broker: Broker,
  ids: readonly string[],
  prefetch: number,
): Promise<{ readonly log: DeliveryLog; readonly consumer: Consumer }> {
  await declare(broker, 'q');
  await send(broker, 'q', ids);
  const log = new DeliveryLog();
  return { log, consumer: await consume(broker, ['q'], prefetch, log) };
}

/** Takes everything that waits in the queue with a consumer of its own and acknowledges it; `last` must be the last of it. */
export async function drainUpTo(broker: Broker, queue: string, last: string): Promise<string[]> {
  const log = new DeliveryLog({ onDeliver: (delivery) => void delivery.ack() });
  const consumer = await consume(broker, [queue], 50, log);
  await log.until(() => log.ids().includes(last), `message ${last}`);
  await consumer.close();
  return log.ids();
}

/** Sends a sentinel and returns what came out before it: a proof that nothing else waits, without sleeping. */
export async function remaining(broker: Broker, queue: string): Promise<string[]> {
  await send(broker, queue, ['sentinel'], 0);
  const ids = await drainUpTo(broker, queue, 'sentinel');
  return ids.filter((id) => id !== 'sentinel');
}
