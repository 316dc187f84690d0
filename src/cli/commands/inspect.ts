/** `ctq inspect`: questions to workers, Python's or ours. Needs no app module. */
import { remoteCommands } from '../../remote-control/commands/index.js';
import { defineCommand } from '../command.js';
import { offered, readArguments } from '../remote-arguments.js';
import { askWorkers } from '../remote-call.js';
import { remoteHelp, remoteVerbs } from '../remote-help.js';
import { methodOptions, runMethod } from '../remote-method.js';
import { printReplies } from '../remote-print.js';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'ask workers what they do and hold',
  arguments: [
    { name: 'method', summary: 'what to ask', required: false },
    { name: 'args', summary: 'its arguments', required: false, variadic: true },
  ],
  options: methodOptions,
  verbs: remoteVerbs(offered({ kind: 'inspect', commands: remoteCommands })),
  sections: [remoteHelp('Methods:', offered({ kind: 'inspect', commands: remoteCommands }))],
  examples: [
    ['ctq inspect ping', 'who is there'],
    ['ctq inspect active -d celery@web1', 'what one worker runs'],
    ['ctq inspect registered rate_limit max_retries', 'tasks, with these attributes where they are set'],
    ['ctq inspect stats --json', 'all figures, node by node'],
  ],
  run: (call) =>
    runMethod(call, {
      kind: 'inspect',
      hint: 'ctq inspect ping asks who is there; ctq inspect --list prints them all',
      form: 'object',
      run: async (app, command, words) =>
        printReplies(call, command.name, await askWorkers(call, app, command.name, readArguments(command, words)), 'object'),
    }),
});
