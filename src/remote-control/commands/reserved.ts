import type { RemoteCommand } from '../command.js';
import { showRequest } from '../shown-request.js';

export const reserved: RemoteCommand = {
  name: 'reserved',
  kind: 'inspect',
  alias: 'dump_reserved',
  summary: 'tasks that a worker has taken and not begun; those with an eta are in scheduled',
  async handle({ requests, nodename }) {
    const reserved = await requests.reserved();
    return reserved.map((request) => showRequest(request, nodename, 'plain'));
  },
};
