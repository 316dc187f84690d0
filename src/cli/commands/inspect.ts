/** `ctq inspect`: questions to workers, Python's or ours. Needs no app module. */
import { UsageError } from '../../errors.js';
import { remoteCommands } from '../../remote-control/commands/index.js';
import { type CommandCall, defineCommand, flag, value } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { jsonObject } from '../json-values.js';
import { findCommand, offered, readArguments } from '../remote-arguments.js';
import { askWorkers, commandsOf, openRemote, remoteOptions } from '../remote-call.js';
import { remoteHelp, remoteVerbs } from '../remote-help.js';
import { printReplies } from '../remote-print.js';

const options = {
  ...remoteOptions,
  kwargs: value('--kwargs <json>', 'arguments by name as a JSON object; lets any method through', jsonObject),
  list: flag('--list', 'print the methods'),
} as const;

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'ask workers what they do and hold',
  arguments: [
    { name: 'method', summary: 'what to ask', required: false },
    { name: 'args', summary: 'its arguments', required: false, variadic: true },
  ],
  options,
  verbs: remoteVerbs(offered({ kind: 'inspect', commands: remoteCommands })),
  sections: [remoteHelp('Methods:', offered({ kind: 'inspect', commands: remoteCommands }))],
  examples: [
    ['ctq inspect ping', 'who is there'],
    ['ctq inspect active -d celery@web1', 'what one worker runs'],
    ['ctq inspect registered rate_limit max_retries', 'tasks, with these attributes where they are set'],
    ['ctq inspect stats --json', 'all figures, node by node'],
  ],
  run: runInspect,
});

async function runInspect(call: CommandCall<typeof options>): Promise<number> {
  const { options, context } = call;
  const [method, ...words] = call.args;
  if (method === undefined && options.list !== true) {
    throw new UsageError('the method is missing', { hint: 'ctq inspect ping asks who is there; ctq inspect --list prints them all' });
  }
  const app = await openRemote(call);
  const catalogue = { kind: 'inspect', commands: commandsOf(app) } as const;
  if (method === undefined || options.list === true) {
    context.stdout.write(
      `${offered(catalogue)
        .map(({ name }) => name)
        .join('\n')}\n`,
    );
    return EXIT.ok;
  }
  if (options.kwargs !== undefined) {
    if (words.length > 0) throw new UsageError('arguments were given twice', { hint: 'either after the method, or with --kwargs' });
    return printReplies(call, method, await askWorkers(call, app, method, options.kwargs), 'object');
  }
  const command = findCommand(method, catalogue);
  return printReplies(call, command.name, await askWorkers(call, app, command.name, readArguments(command, words)), 'object');
}
