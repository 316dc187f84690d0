import { ok } from '../answers.js';
import type { RemoteCommand } from '../command.js';

export const ping: RemoteCommand = {
  name: 'ping',
  kind: 'inspect',
  summary: 'ask whether workers are there',
  handle: () => ok('pong'),
};
