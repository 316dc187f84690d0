import { optionalText } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

export const shutdown: RemoteCommand = {
  name: 'shutdown',
  kind: 'control',
  summary: 'stop workers warmly: what runs ends, what waits goes back',
  silent: true,
  handle(worker, args) {
    worker.logger.warning('%s', optionalText(args, 'msg') ?? 'Got shutdown from remote');
    worker.shutdown();
  },
};
