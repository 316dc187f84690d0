import { ok } from '../answers.js';
import { wholeNumber } from '../arguments.js';
import { CommandError, type CommandArguments, type RemoteCommand } from '../command.js';

export const autoscale: RemoteCommand = {
  name: 'autoscale',
  kind: 'control',
  summary: 'set between how many and how many tasks the pool may run at once',
  parameters: [
    { name: 'max', read: 'whole number' },
    { name: 'min', read: 'whole number' },
  ],
  usage: '[max [min]]',
  only: ['max', 'min'],
  handle({ pool }, args) {
    if (pool.autoscale === undefined) throw new CommandError('ValueError', 'Autoscale not enabled');
    const { max, min } = pool.autoscale.update(bound(args, 'max'), bound(args, 'min'));
    return ok(`autoscale now max=${max} min=${min}`);
  },
};

function bound(args: CommandArguments, name: string): number | null {
  const value = wholeNumber(args, name, -1);
  return value < 0 ? null : value;
}
