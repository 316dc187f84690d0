/** `pool_grow` and `pool_shrink`. */
import { nok, ok } from '../answers.js';
import { wholeNumber } from '../arguments.js';
import type { RemoteCommand } from '../command.js';

/** No machine runs more at once; a typing mistake must not fill its memory. */
const MOST_AT_ONCE = 10_000;

export const poolGrow = resizing('pool_grow', 'run more tasks at once', 1, 'pool will grow');
export const poolShrink = resizing('pool_shrink', 'run fewer tasks at once', -1, 'pool will shrink');

function resizing(name: string, summary: string, direction: 1 | -1, answer: string): RemoteCommand {
  return {
    name,
    kind: 'control',
    summary,
    parameters: [{ name: 'n', read: 'whole number' }],
    usage: '[N=1]',
    async handle({ pool }, args) {
      if (pool.autoscale !== undefined) return nok(`${name} is not supported with autoscale. Adjust autoscale range instead.`);
      const by = Math.min(Math.max(wholeNumber(args, 'n', 1), 0), MOST_AT_ONCE);
      await pool.grow(direction * by);
      return ok(answer);
    },
  };
}
