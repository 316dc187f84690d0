import { ok } from '../answers.js';
import { requiredText } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

export const cancelConsumer: RemoteCommand = {
  name: 'cancel_consumer',
  kind: 'control',
  summary: 'take from a queue no longer',
  parameters: [{ name: 'queue', read: 'text' }],
  usage: '<queue>',
  required: ['queue'],
  async handle({ logger, queues }, args) {
    const name = requiredText(args, 'queue');
    logger.info('Canceling queue %s', name);
    await queues.cancel(name);
    return ok(`no longer consuming from ${name}`);
  },
};
