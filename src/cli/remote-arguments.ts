/** `ctq inspect <method> [args]` → which remote-control command is meant, and its arguments by name. */
import { closestName } from '../config/closest-name.js';
import { UsageError } from '../errors.js';
import type { CommandArguments, CommandParameter, RemoteCommand } from '../remote-control/command.js';

/** What one of the two front-end commands can send. */
export interface RemoteCatalogue {
  readonly kind: RemoteCommand['kind'];
  /** Celery's and the app's own. */
  readonly commands: readonly RemoteCommand[];
}

/** The commands of this kind that people may call, by name; the app's own take the place of Celery's. */
export function offered({ kind, commands }: RemoteCatalogue): RemoteCommand[] {
  const byName = new Map(commands.filter((command) => command.kind === kind && command.hidden !== true).map((one) => [one.name, one]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param typed - `active-queues` means `active_queues`.
 * @throws {@link UsageError} for a name that none of them has.
 */
export function findCommand(typed: string, catalogue: RemoteCatalogue): RemoteCommand {
  const name = typed.replaceAll('-', '_');
  const commands = offered(catalogue);
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const { kind } = catalogue;
  const shown = JSON.stringify(typed.length > 60 ? `${typed.slice(0, 57)}...` : typed);
  const other = catalogue.commands.find((command) => command.name === name && command.hidden !== true);
  if (other !== undefined) {
    throw new UsageError(`${name} is no ${kind} command`, { hint: `it is ctq ${other.kind} ${name}` });
  }
  const lookalike = closestName(
    name,
    commands.map((command) => command.name),
  );
  throw new UsageError(`unknown ${kind} command ${shown}`, {
    hint:
      lookalike === undefined
        ? `there are ${commands.map((command) => command.name).join(', ')}; -A names an app with more, --kwargs sends any name`
        : `did you mean ${lookalike}?`,
  });
}

/**
 * Words → keyword arguments, as the command wants them.
 *
 * @throws {@link UsageError} for too many or too few words, and for a word that is no number where one must be.
 */
export function readArguments(command: RemoteCommand, words: readonly string[]): CommandArguments {
  const { parameters = [], variadic, required = [] } = command;
  const args: [string, unknown][] = [];
  for (const [index, parameter] of parameters.entries()) {
    const word = words[index];
    if (word !== undefined) args.push([parameter.name, readWord(parameter, word)]);
  }
  const rest = words.slice(parameters.length);
  if (variadic !== undefined) args.push([variadic, rest]);
  else if (rest.length > 0) throw new UsageError(`too many arguments for ${command.name}`, { hint: usageOf(command) });
  const given = Object.fromEntries(args);
  const missing = required.find((name) => given[name] === undefined || (name === variadic && rest.length === 0));
  if (missing !== undefined) {
    // `terminate <id>`, as one says `revoke <id>`.
    const order = words.some((word) => UUID.test(word)) ? `${parameters[0]?.name ?? missing} comes first; ` : '';
    throw new UsageError(`${command.name} needs ${missing}`, { hint: `${order}${usageOf(command)}` });
  }
  return given;
}

export function usageOf({ kind, name, usage }: RemoteCommand): string {
  return `usage: ctq ${kind} ${name}${usage === undefined ? '' : ` ${usage}`}`;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const RATE_HINT = 'it must be so many a second, minute or hour, such as 5/s, 10/m or 100/h; 0 lifts it';

export function isRate(word: string): boolean {
  return /^\d+(?:\.\d+)?(?:\/[smh])?$/.test(word);
}

function readWord({ name, read }: CommandParameter, word: string): unknown {
  if (read === 'text') return word;
  if (read === 'flag') {
    if (/^(1|true|t|yes|y|on)$/i.test(word)) return true;
    if (/^(0|false|f|no|n|off)$/i.test(word)) return false;
    throw new UsageError(`${name} is ${JSON.stringify(word)}`, { hint: 'it must be true or false' });
  }
  if (read === 'rate') {
    if (isRate(word)) return word;
    throw new UsageError(`${name} is ${JSON.stringify(word)}`, { hint: RATE_HINT });
  }
  const value = Number(word);
  if (word.trim() === '' || !Number.isFinite(value) || (read === 'whole number' && !Number.isSafeInteger(value))) {
    throw new UsageError(`${name} is ${JSON.stringify(word)}`, {
      hint: read === 'number' ? 'it must be a number' : 'it must be a whole number',
    });
  }
  return value;
}
