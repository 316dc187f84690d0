/** The methods of `inspect` and `control`, as help lists them. */
import type { RemoteCommand } from '../remote-control/command.js';
import type { CommandArgument, CommandVerb, HelpSection } from './command.js';

export function remoteHelp(heading: string, commands: readonly RemoteCommand[]): HelpSection {
  return { heading, rows: commands.map(({ name, usage, summary }) => [usage === undefined ? name : `${name} ${usage}`, summary] as const) };
}

/** What a shell can know of their arguments. */
const COMPLETES: Readonly<Record<string, CommandArgument['completes']>> = {
  task_name: 'task',
  queue: 'queue',
  task_id: 'held id',
  ids: 'held id',
};
/** Those that end a task; any other may be typed. */
const SIGNALS = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGHUP'] as const;

/** The same as words that a shell may offer. */
export function remoteVerbs(commands: readonly RemoteCommand[]): CommandVerb[] {
  return commands.map(({ name, summary, parameters = [], variadic, required = [] }) => ({
    name,
    summary,
    arguments: [
      ...parameters.map((parameter) => argument(parameter.name, required)),
      ...(variadic === undefined ? [] : [{ ...argument(variadic, required), variadic: true }]),
    ],
  }));
}

function argument(name: string, required: readonly string[]): CommandArgument {
  const completes = COMPLETES[name];
  return {
    name,
    summary: name.replaceAll('_', ' '),
    required: required.includes(name),
    ...(name === 'signal' ? { choices: SIGNALS } : {}),
    ...(completes === undefined ? {} : { completes }),
  };
}
