import { ok } from '../answers.js';
import { textList, truthy } from '../arguments.js';
import type { CommandArguments, RemoteCommand, WorkerView } from '../command.js';
import { stringRepr } from '../../protocol/python-repr.js';
import { signalNumber } from '../signals.js';

export const revoke: RemoteCommand = {
  name: 'revoke',
  kind: 'control',
  summary: 'keep tasks from running, by id',
  variadic: 'task_id',
  usage: '[id1 [id2 [... [idN]]]]',
  required: ['task_id'],
  handle: (worker, args) => revokeTasks(worker, args, truthy(args['terminate']) ? 'terminate' : 'flag'),
};

export const terminate: RemoteCommand = {
  name: 'terminate',
  kind: 'control',
  summary: 'revoke tasks, and end those that run with a signal',
  parameters: [{ name: 'signal', read: 'text' }],
  variadic: 'task_id',
  usage: '<signal> [id1 [id2 [... [idN]]]]',
  required: ['signal', 'task_id'],
  handle: (worker, args) => revokeTasks(worker, args, 'terminate'),
};

function revokeTasks({ logger, requests, revokes }: WorkerView, args: CommandArguments, how: 'flag' | 'terminate'): unknown {
  const ids = textList(args, 'task_id');
  if (how === 'flag') {
    revokes.revoke(ids, 'mark');
    requests.revoke(ids);
    logger.info('Tasks flagged as revoked: %s', ids.join(', '));
    // A Python set, printed.
    return ok(`tasks ${ids.length === 0 ? 'set()' : `{${ids.map(stringRepr).join(', ')}}`} flagged as revoked`);
  }
  const signal = signalNumber(args['signal']);
  revokes.revoke(ids, 'leave');
  const found = requests.terminate(ids, signal.name);
  for (const id of found) logger.info('Terminating %s (%s)', id, signal.number);
  return ok(found.length === 0 ? 'terminate: tasks unknown' : `terminate: ${found.join(', ')}`);
}
