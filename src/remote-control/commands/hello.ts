/** What a worker that starts asks all others (mingle, WIRE 12.1): which ids are revoked, and what the clock says. */
import { requiredText } from '../arguments.js';
import type { CommandArguments, RemoteCommand } from '../command.js';

export const hello: RemoteCommand = {
  name: 'hello',
  kind: 'inspect',
  hidden: true,
  summary: 'exchange revoked ids and clocks with a worker that starts',
  required: ['from_node'],
  handle({ nodename, logger, revokes, clock }, args) {
    const asker = requiredText(args, 'from_node');
    if (asker === nodename) return null;
    logger.info('sync with %s', asker);
    revokes.learn(revokedIds(args));
    const known = [...revokes.times()].map(([id, seconds]) => [id, [pythonFloat(seconds), id]] as const);
    return { revoked: Object.fromEntries(known), clock: clock.forward() };
  },
};

/** Sent as `{id: [time, id]}`, `{id: time}` or a list of ids; the sender's times mean nothing here. */
function revokedIds({ revoked }: CommandArguments): string[] {
  if (Array.isArray(revoked)) return revoked.filter((id): id is string => typeof id === 'string');
  return typeof revoked === 'object' && revoked !== null ? Object.keys(revoked) : [];
}

/** Python refuses a time that is no float, and JavaScript writes 5.0 as 5. */
function pythonFloat(seconds: number): number {
  return Number.isInteger(seconds) ? seconds + 1e-6 : seconds;
}
