/** `enable_events` and `disable_events`: the task events of workers that were started without `-E`. */
import { ok } from '../answers.js';
import type { RemoteCommand } from '../command.js';

export const enableEvents: RemoteCommand = {
  name: 'enable_events',
  kind: 'control',
  summary: 'send task events',
  only: [],
  handle({ events, logger }) {
    if (!events.enableTaskEvents()) return ok('task events already enabled');
    logger.info('Events of group {task} enabled by remote.');
    return ok('task events enabled');
  },
};

export const disableEvents: RemoteCommand = {
  name: 'disable_events',
  kind: 'control',
  summary: 'send no task events',
  only: [],
  handle({ events, logger }) {
    if (!events.disableTaskEvents()) return ok('task events already disabled');
    logger.info('Events of group {task} disabled by remote.');
    return ok('task events disabled');
  },
};
