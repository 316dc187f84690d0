import type { Queue } from '../../broker.js';
import type { RemoteCommand } from '../command.js';

export const activeQueues: RemoteCommand = {
  name: 'active_queues',
  kind: 'inspect',
  summary: 'queues that workers take from',
  only: [],
  handle: ({ queues }) => queues.list().map(showQueue),
};

/** kombu's `Queue.as_dict(recurse=True)`. */
function showQueue({ name, exchange, routingKey, durable, autoDelete, maxPriority, arguments: given }: Queue): Record<string, unknown> {
  return {
    name,
    // In a worker's table every queue of a direct exchange hangs on one of its own name (WIRE 13.1).
    exchange: {
      name: exchange.name === '' ? name : exchange.name,
      type: exchange.type,
      arguments: null,
      durable: true,
      passive: false,
      auto_delete: false,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: routingKey,
    queue_arguments: given ?? null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: durable ?? true,
    exclusive: false,
    auto_delete: autoDelete ?? false,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: maxPriority ?? null,
  };
}
