/** Messages and queues for the contract suites. */
import type { Exchange, Queue, Route } from '../../src/broker.js';
import type { Message, MessageProperties } from '../../src/protocol/message.js';

export const DEFAULT_EXCHANGE: Exchange = { name: '', type: 'direct' };

/** A queue reached by its name through the default exchange. */
export function plainQueue(name: string): Queue {
  return { name, exchange: DEFAULT_EXCHANGE, routingKey: name, durable: true };
}

export function toQueue(name: string): Route {
  return { exchange: DEFAULT_EXCHANGE, routingKey: name };
}

/** A task message as the client would send it. */
export function taskMessage(id: string, properties: MessageProperties = {}): Message {
  return {
    headers: { lang: 'js', task: 'tasks.add', id, root_id: id, parent_id: null, retries: 0, timelimit: [null, null] },
    properties: { correlationId: id, deliveryMode: 2, priority: 0, ...properties },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from('[[1, 2], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'),
  };
}

export function idsOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`);
}
