import type { RemoteCommand } from '../command.js';
import { showRequest } from '../shown-request.js';
import { formatIsoDate } from '../../protocol/iso-date.js';

/** The priority that Celery's timer gives every waiting task. */
const TIMER_PRIORITY = 6;

export const scheduled: RemoteCommand = {
  name: 'scheduled',
  kind: 'inspect',
  alias: 'dump_schedule',
  summary: 'tasks that wait in a worker for their eta',
  async handle({ requests, nodename }) {
    const scheduled = await requests.scheduled();
    return scheduled.map(({ etaMs, request }) => ({
      eta: formatIsoDate(etaMs),
      priority: TIMER_PRIORITY,
      request: showRequest(request, nodename, 'plain'),
    }));
  },
};
