/** What `inspect`, `control` and `status` share: whom to ask, how long to wait, and what to say when nobody answers. */
import { CtqError, NoReplyError } from '../errors.js';
import type { Ctq } from '../ctq.js';
import type { Reply } from '../remote-control/broadcast.js';
import type { CommandArguments, RemoteCommand } from '../remote-control/command.js';
import { remoteCommands } from '../remote-control/commands/index.js';
import { openClient } from './client.js';
import { type CommandCall, type CommandOptions, list, value } from './command.js';
import { escapeText } from './escape-text.js';
import { names, seconds } from './option-values.js';
import { startSpinner } from './output/spinner.js';

export const remoteOptions = {
  destination: list('-d, --destination <a,b>', 'only these nodes', names, { completes: 'node' }),
  timeout: value('-t, --timeout <seconds>', 'wait so long for the next answer; default 1', seconds),
} as const;

type Call = CommandCall<CommandOptions & typeof remoteOptions>;

/**
 * An app to look at an estate and to reach workers with.
 *
 * @throws BrokerError where the broker would be a file that is not there: a question makes none.
 */
export async function openRemote(call: Parameters<typeof openClient>[0]): Promise<Ctq> {
  const app = await openClient(call);
  await app.assertThere();
  return app;
}

/** Celery's commands and the app's own. */
export function commandsOf(app: Ctq): readonly RemoteCommand[] {
  return [...remoteCommands, ...app.control.commands];
}

/**
 * Asks, and gives the answers by node name.
 *
 * @throws {@link NoReplyError} when nobody answered.
 */
export async function askWorkers(call: Call, app: Ctq, method: string, args: CommandArguments): Promise<Reply[]> {
  const { options, globals, context, signal } = call;
  const destination = options.destination?.flat();
  const spinner = startSpinner(context, 'waiting for workers', globals);
  call.defer(() => spinner.stop());
  let reached: number | undefined;
  try {
    const replies = await app.control.gather(method, args, {
      signal,
      onSent: (count) => {
        reached = count;
      },
      ...(destination === undefined ? {} : { destination }),
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    });
    spinner.stop();
    if (replies.length === 0) {
      const silent = destination === undefined && reached !== 0 ? await silentNames(app, replies) : [];
      throw nobody({ reached, destination, silent }, options.timeout ?? 1, (await app.broker()).displayUrl);
    }
    await tellSilent(call, app, replies, reached, destination);
    tellNamesakes(call, replies);
    return replies.sort((a, b) => (a.nodename < b.nodename ? -1 : 1));
  } finally {
    spinner.stop();
  }
}

interface Asked {
  readonly reached: number | undefined;
  readonly destination: readonly string[] | undefined;
  /** Those that are known to live. */
  readonly silent: readonly string[];
}

function nobody({ reached, destination, silent }: Asked, timeoutS: number, url: string): NoReplyError {
  const within = `within ${timeoutS} s`;
  if (reached === 0) return new NoReplyError(`no worker is listening at ${url}`, { hint: 'ctq worker -A <app> starts one' });
  if (destination !== undefined) {
    const short = destination.find((name) => !name.includes('@'));
    const hint =
      short === undefined ? 'ctq status lists the nodes that are up' : `a node is named ${short}@host; ctq status lists those that are up`;
    return new NoReplyError(`no answer from ${destination.join(', ')} ${within}`, { hint });
  }
  const who = reached === undefined ? 'no worker answered' : `${reached} worker${reached === 1 ? '' : 's'} got it and none answered`;
  const names = silent.length === 0 ? '' : `: ${silent.map(escapeText).join(', ')}`;
  return new NoReplyError(`${who} ${within}${names}`, { hint: '--timeout waits longer for busy ones' });
}

/** Workers of ctq that give signs of life: they write their names down in the broker; Python's do not. */
export async function livingNodes(app: Ctq): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const { queues, parts } of await app.estates()) {
    if (!parts.includes('broker')) continue;
    for (const { consumption } of await queues.report(await queues.names())) for (const node of consumption?.nodes ?? []) names.add(node);
  }
  return [...names].sort();
}

/** Of those, the ones that did not answer. */
async function silentNames(app: Ctq, replies: readonly Reply[]): Promise<readonly string[]> {
  const answered = new Set(replies.map(({ nodename }) => nodename));
  try {
    return (await livingNodes(app)).filter((name) => !answered.has(name));
  } catch (problem) {
    // It is a help, and the broker may have none to give.
    if (problem instanceof CtqError) return [];
    throw problem;
  }
}

/** Somebody is there and says nothing: the answer is not the whole truth. */
async function tellSilent(
  { context, globals }: Call,
  app: Ctq,
  replies: readonly Reply[],
  reached: number | undefined,
  destination?: readonly string[],
): Promise<void> {
  if (globals.quiet === true) return;
  const answered = new Set(replies.map(({ nodename }) => nodename));
  const missing = destination?.filter((name) => !answered.has(name)) ?? [];
  if (missing.length > 0) context.stderr.write(`ctq: note: no answer from ${missing.join(', ')}\n`);
  else if (destination === undefined && reached !== undefined && replies.length < reached) {
    const silent = await silentNames(app, replies);
    const names = silent.length === 0 ? '' : `: ${silent.map(escapeText).join(', ')}`;
    context.stderr.write(`ctq: note: ${reached - replies.length} of ${reached} workers did not answer in time${names}\n`);
  }
}

/** Whoever is told by name is then told twice, and an object by name holds one of them. */
function tellNamesakes({ context, globals }: Call, replies: readonly Reply[]): void {
  if (globals.quiet === true) return;
  const seen = new Set<string>();
  const shared = new Set(replies.map(({ nodename }) => nodename).filter((name) => seen.has(name) || !seen.add(name)));
  for (const name of shared) {
    context.stderr.write(`ctq: note: several workers answer to ${escapeText(name)}: each needs a name of its own, --hostname\n`);
  }
}

/** `3 nodes online.`, for people. */
export function tellCount({ context, globals }: Pick<CommandCall, 'context' | 'globals'>, count: number): void {
  if (globals.quiet !== true && context.stderr.isTTY === true)
    context.stderr.write(`\n${count} ${count === 1 ? 'node' : 'nodes'} online.\n`);
}
