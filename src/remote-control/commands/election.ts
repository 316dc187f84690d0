import { requiredText } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

export const election: RemoteCommand = {
  name: 'election',
  kind: 'control',
  summary: 'choose one worker for an action',
  parameters: [
    { name: 'id', read: 'text' },
    { name: 'topic', read: 'text' },
    { name: 'action', read: 'text' },
  ],
  usage: '<id> <topic> [action]',
  required: ['id', 'topic'],
  handle(worker, args) {
    worker.elect(requiredText(args, 'id'), requiredText(args, 'topic'), args['action'] ?? null);
    return null;
  },
};
