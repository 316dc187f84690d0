/** `ctq control`: tells workers, Python's or ours, to do something, and prints what they say to it. */
import { constants } from 'node:os';
import type { Ctq } from '../../ctq.js';
import { NoReplyError, UsageError } from '../../errors.js';
import type { Reply } from '../../remote-control/broadcast.js';
import type { CommandArguments, RemoteCommand } from '../../remote-control/command.js';
import { remoteCommands } from '../../remote-control/commands/index.js';
import { defineCommand } from '../command.js';
import { escapeText } from '../escape-text.js';
import { noteLookalike } from '../next-steps.js';
import { offered, readArguments } from '../remote-arguments.js';
import { askWorkers } from '../remote-call.js';
import { remoteHelp, remoteVerbs } from '../remote-help.js';
import { wholeIds } from '../remote-ids.js';
import { type MethodCall, methodOptions, runMethod } from '../remote-method.js';
import { printReplies } from '../remote-print.js';
import { errorOf, unwrapped } from '../remote-tables.js';

/** Who has answered a ping refuses as quickly. */
const REFUSAL_WAIT_S = 0.5;

export const control = defineCommand({
  name: 'control',
  summary: 'tell workers to do something',
  arguments: [
    { name: 'method', summary: 'what to do', required: false },
    { name: 'args', summary: 'its arguments', required: false, variadic: true },
  ],
  options: methodOptions,
  verbs: remoteVerbs(offered({ kind: 'control', commands: remoteCommands })),
  sections: [remoteHelp('Methods:', offered({ kind: 'control', commands: remoteCommands }))],
  examples: [
    ['ctq control revoke 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'keep a task from running'],
    ['ctq control terminate SIGTERM 57cb3c6b-2ca6-471b-b17f-ba3d9a43a368', 'end it where it runs'],
    ['ctq control rate_limit tasks.mail 10/m', 'ten a minute in each worker'],
    ['ctq control add_consumer video -d celery@web1', 'let one worker take from one more queue'],
    ['ctq control shutdown', 'stop all workers warmly'],
  ],
  run: (call) =>
    runMethod(call, {
      kind: 'control',
      hint: 'ctq control --list prints them all',
      form: 'list',
      run: (app, command, words) => tell(call, app, command, words),
    }),
});

async function tell(call: MethodCall, app: Ctq, command: RemoteCommand, words: readonly string[]): Promise<number> {
  if (command.name === 'terminate') assertSignalFirst(words);
  const args = await withWholeIds(call, app, command.name, readArguments(command, words));
  const replies = await askInItsManner(call, app, command, args);
  const code = await printReplies(call, command.name, replies, 'list');
  const { task_name: task } = args;
  if (typeof task === 'string' && replies.every(({ value }) => errorOf(value) === 'unknown task')) await noteLookalike(call, app, task);
  if (command.name === 'terminate' && replies.every(({ value }) => unwrapped(value) === NOT_RUNNING)) noteNotRunning(call);
  return code;
}

function askInItsManner(call: MethodCall, app: Ctq, { name, silent }: RemoteCommand, args: CommandArguments): Promise<Reply[]> {
  if (name === 'revoke') return revoke(call, app, args);
  return silent === true ? tellSilently(call, app, name) : askWorkers(call, app, name, args);
}

/** Celery's words for it. */
const NOT_RUNNING = 'terminate: tasks unknown';

/** It reads like a failure, and half of it is none. */
function noteNotRunning({ context, globals }: MethodCall): void {
  if (globals.quiet === true) return;
  context.stderr.write('ctq: note: it runs in no worker that answered; where it waits it is revoked, and will not begin\n');
}

/** Celery's order: an id in the place of the signal is what people type who have not read it. */
function assertSignalFirst([first, ...ids]: readonly string[]): void {
  if (first === undefined || isSignal(first)) return;
  const swapped = ids.length === 1 && isSignal(ids[0] ?? '');
  const task = escapeText(first);
  throw new UsageError(`${JSON.stringify(task)} is no signal`, {
    hint: `the signal comes first: ctq control terminate ${swapped ? ids[0] : 'SIGTERM'} ${task}`,
  });
}

/** `SIGTERM`, `TERM`, `term`, 15. */
function isSignal(word: string): boolean {
  const name = word.toUpperCase().replace(/^(SIG)?/, 'SIG');
  return Object.hasOwn(constants.signals, name) || Object.values(constants.signals).some((number) => String(number) === word);
}

async function withWholeIds(call: MethodCall, app: Ctq, method: string, args: CommandArguments): Promise<CommandArguments> {
  const ids: unknown = args['task_id'];
  if ((method !== 'revoke' && method !== 'terminate') || !Array.isArray(ids)) return args;
  return { ...args, task_id: await wholeIds(call, app, ids as readonly string[]) };
}

/** With no worker up, a revoke is not in vain. */
async function revoke(call: MethodCall, app: Ctq, args: CommandArguments): Promise<Reply[]> {
  try {
    return await askWorkers(call, app, 'revoke', args);
  } catch (error) {
    if (!(error instanceof NoReplyError) || (await app.broker()).revocations === undefined) throw error;
    throw new NoReplyError(error.message, { hint: 'the revoke is kept for a day: ctq workers that start meanwhile heed it' });
  }
}

/** A worker that stops does not answer, so it is asked first who is there; one that may not be told to says so. */
async function tellSilently(call: MethodCall, app: Ctq, method: string): Promise<Reply[]> {
  const present = await askWorkers(call, app, 'ping', {});
  const destination = [...new Set(present.map(({ nodename }) => nodename))];
  const refusals = await app.control.gather(method, {}, { destination, timeout: REFUSAL_WAIT_S, signal: call.signal });
  return present.map(
    ({ nodename }) => refusals.find((refusal) => refusal.nodename === nodename) ?? { nodename, value: { ok: 'told to stop' } },
  );
}
