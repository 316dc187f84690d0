import type { RemoteCommand } from '../command.js';

export const heartbeat: RemoteCommand = {
  name: 'heartbeat',
  kind: 'control',
  summary: 'send a heartbeat event now',
  only: [],
  handle({ events, logger }) {
    logger.debug('Heartbeat requested by remote.');
    events.sendHeartbeat();
    return null;
  },
};
