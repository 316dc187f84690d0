import { ok } from '../answers.js';
import { optionalText, requiredText } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

export const addConsumer: RemoteCommand = {
  name: 'add_consumer',
  kind: 'control',
  summary: 'take from one more queue',
  parameters: [
    { name: 'queue', read: 'text' },
    { name: 'exchange', read: 'text' },
    { name: 'exchange_type', read: 'text' },
    { name: 'routing_key', read: 'text' },
  ],
  usage: '<queue> [exchange [type [routing_key]]]',
  required: ['queue'],
  async handle({ logger, queues }, args) {
    const name = requiredText(args, 'queue');
    await queues.add({
      name,
      exchange: optionalText(args, 'exchange') ?? null,
      exchangeType: optionalText(args, 'exchange_type') ?? 'direct',
      routingKey: optionalText(args, 'routing_key') ?? null,
    });
    logger.info('Started consuming from %s', name);
    return ok(`add consumer ${name}`);
  },
};
