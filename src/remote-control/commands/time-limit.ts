import { pythonRepr } from '../../protocol/python-repr.js';
import { nok, ok } from '../answers.js';
import { optionalNumber, optionalText } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

export const timeLimit: RemoteCommand = {
  name: 'time_limit',
  kind: 'control',
  summary: "set a task's soft and hard time limit in seconds",
  parameters: [
    { name: 'task_name', read: 'text' },
    { name: 'soft', read: 'number' },
    { name: 'hard', read: 'number' },
  ],
  usage: '<task_name> <soft_secs> [hard_secs]',
  handle({ logger, tasks }, args) {
    const name = optionalText(args, 'task_name') ?? '';
    const soft = optionalNumber(args, 'soft');
    const hard = optionalNumber(args, 'hard');
    if (!tasks.has(name)) {
      logger.error('Change time limit attempt for unknown task %s', name);
      return nok('unknown task');
    }
    tasks.setTimeLimits(name, { soft, hard });
    logger.info('New time limits for tasks of type %s: soft=%s hard=%s', name, pythonRepr(soft), pythonRepr(hard));
    return ok('time limits set successfully');
  },
};
