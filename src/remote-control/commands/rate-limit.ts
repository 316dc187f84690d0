import { parseRate } from '../../execution/rate.js';
import { pythonRepr } from '../../protocol/python-repr.js';
import { nok, ok } from '../answers.js';
import { requiredText } from '../arguments.js';
import { CommandError, type RemoteCommand } from '../command.js';

export const rateLimit: RemoteCommand = {
  name: 'rate_limit',
  kind: 'control',
  summary: 'set how often a task may begin in each worker; 0 lifts the limit',
  parameters: [
    { name: 'task_name', read: 'text' },
    { name: 'rate_limit', read: 'rate' },
  ],
  usage: '<task_name> <rate_limit (e.g., 5/s | 5/m | 5/h | 0)>',
  required: ['task_name', 'rate_limit'],
  handle({ logger, tasks }, args) {
    const name = requiredText(args, 'task_name');
    const given = args['rate_limit'];
    const limit = typeof given === 'string' || typeof given === 'number' ? given : null;
    const rate = parseRate(limit);
    if (rate.kind === 'unknown unit') throw new CommandError('KeyError', rate.unit);
    if (rate.kind === 'no number') {
      return nok(`Invalid rate limit string: ValueError(${pythonRepr(`could not convert string to float: ${pythonRepr(rate.text)}`)})`);
    }
    if (!tasks.has(name)) {
      logger.error('Rate limit attempt for unknown task %s', name);
      return nok('unknown task');
    }
    // Celery answers the text '0', which its command line sends, as if it were a limit; it lifts it all the same.
    if (rate.perSecond === 0) {
      tasks.setRateLimit(name, null);
      logger.info('Rate limits disabled for tasks of type %s', name);
      return ok('rate limit disabled successfully');
    }
    tasks.setRateLimit(name, limit);
    logger.info('New rate limit for tasks of type %s: %s.', name, limit);
    return ok('new rate limit set successfully');
  },
};
