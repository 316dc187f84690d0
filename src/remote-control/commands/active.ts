import { truthy } from '../arguments.js';
import type { RemoteCommand } from '../command.js';
import { showRequest } from '../shown-request.js';

export const active: RemoteCommand = {
  name: 'active',
  kind: 'inspect',
  alias: 'dump_active',
  summary: 'tasks that run now',
  async handle({ requests, nodename }, { safe }) {
    const active = await requests.active();
    return active.map((request) => showRequest(request, nodename, truthy(safe) ? 'repr' : 'plain'));
  },
};
