import { pythonRepr } from '../../protocol/python-repr.js';
import { ok } from '../answers.js';
import { truthy } from '../arguments.js';
import { CommandError, type RemoteCommand, type HeldRequest } from '../command.js';
import { signalNumber } from '../signals.js';

export const revokeByStampedHeaders: RemoteCommand = {
  name: 'revoke_by_stamped_headers',
  kind: 'control',
  summary: 'keep tasks from running, by the stamps in their headers',
  variadic: 'headers',
  usage: '[key1=value1 [key2=value2 [... [keyN=valueN]]]]',
  required: ['headers'],
  async handle({ requests, revokes, logger }, args) {
    const signal = signalNumber(args['signal']);
    const headers = readHeaders(args['headers']);
    for (const [header, value] of Object.entries(headers)) revokes.revokeStamp(header, listOf(value));
    const active = await requests.active();
    const matching = active.filter((request) => isStamped(request, headers));
    if (!truthy(args['terminate'])) {
      requests.revoke(matching.map(({ id }) => id));
      return ok(`headers ${pythonRepr(headers)} flagged as revoked, but not terminated`);
    }
    for (const { id } of matching) logger.info('Terminating %s (%s)', id, signal.number);
    requests.terminate(
      matching.map(({ id }) => id),
      signal.name,
    );
    return ok(matching.length === 0 ? `headers ${pythonRepr(headers)} were not terminated` : `headers ${pythonRepr(headers)} revoked`);
  },
};

/** An object, or a list of `key=value` as the command line sends it. */
function readHeaders(given: unknown): Readonly<Record<string, unknown>> {
  if (Array.isArray(given)) {
    const pairs = given.map((item): [string, string] => {
      const at = typeof item === 'string' ? item.indexOf('=') : -1;
      if (typeof item !== 'string' || at < 1) throw new CommandError('ValueError', `${pythonRepr(item).slice(0, 100)} is not key=value`);
      return [item.slice(0, at), item.slice(at + 1)];
    });
    return Object.fromEntries(pairs);
  }
  if (typeof given === 'object' && given !== null) return given as Readonly<Record<string, unknown>>;
  throw new CommandError('TypeError', 'headers must be a dict or a list of key=value');
}

function isStamped({ stamps }: HeldRequest, headers: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(headers).some(([header, value]) => {
    const stamped = Object.hasOwn(stamps, header) ? listOf(stamps[header]) : [];
    return listOf(value).some((wanted) => stamped.includes(wanted));
  });
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
