import { ok } from '../answers.js';
import { CommandError, type RemoteCommand } from '../command.js';

export const poolRestart: RemoteCommand = {
  name: 'pool_restart',
  kind: 'control',
  summary: 'replace the processes of the pool, so that they load the app afresh (worker_pool_restarts)',
  async handle({ pool, settings }) {
    if (settings.table('all')['worker_pool_restarts'] !== true) throw new CommandError('ValueError', 'Pool restarts not enabled');
    if (pool.restart === undefined) throw new CommandError('ValueError', `The ${pool.kind} pool has nothing to restart`);
    await pool.restart();
    return ok('reload started');
  },
};
