/** What `ctq inspect` and `ctq control` have in common: a method and its arguments, the list of methods, and arguments by name. */
import type { Ctq } from '../ctq.js';
import { UsageError } from '../errors.js';
import type { RemoteCommand } from '../remote-control/command.js';
import { type CommandCall, flag, value } from './command.js';
import { EXIT } from './exit-codes.js';
import { jsonObject } from './json-values.js';
import { findCommand, offered } from './remote-arguments.js';
import { askWorkers, commandsOf, openRemote, remoteOptions } from './remote-call.js';
import { printReplies } from './remote-print.js';

export const methodOptions = {
  ...remoteOptions,
  kwargs: value('--kwargs <json>', 'arguments by name as a JSON object; lets any method through', jsonObject),
  list: flag('--list', 'print the methods'),
} as const;

export type MethodCall = CommandCall<typeof methodOptions>;

/** In what the two are different. */
export interface MethodManner {
  readonly kind: 'inspect' | 'control';
  /** For whom the method is missing. */
  readonly hint: string;
  readonly form: 'object' | 'list';
  /** Reads the words behind the method, asks, and prints. */
  readonly run: (app: Ctq, command: RemoteCommand, words: readonly string[]) => Promise<number>;
}

export async function runMethod(call: MethodCall, { kind, hint, form, run }: MethodManner): Promise<number> {
  const { options, context } = call;
  const [method, ...words] = call.args;
  if (method === undefined && options.list !== true) throw new UsageError('the method is missing', { hint });
  const app = await openRemote(call);
  const catalogue = { kind, commands: commandsOf(app) };
  if (method === undefined || options.list === true) {
    for (const { name } of offered(catalogue)) context.stdout.write(`${name}\n`);
    return EXIT.ok;
  }
  if (options.kwargs === undefined) return run(app, findCommand(method, catalogue), words);
  if (words.length > 0) throw new UsageError('arguments were given twice', { hint: 'either after the method, or with --kwargs' });
  return printReplies(call, method, await askWorkers(call, app, method, options.kwargs), form);
}
