/** What somebody at a terminal may want to do next. Said on stderr, to people, and never with --quiet or --json. */
import { closestName } from '../config/closest-name.js';
import { maskUrl } from '../config/masking.js';
import type { Ctq } from '../ctq.js';
import { CtqError, TaskError } from '../errors.js';
import { isRecord } from '../protocol/record.js';
import { isReady } from '../protocol/states.js';
import type { CommandCall } from './command.js';
import { escapeText } from './escape-text.js';
import { isTerminal } from './output/terminal.js';

type Call = Pick<CommandCall, 'globals' | 'context' | 'signal'>;

/** As long as somebody who mistyped a name waits for a hint. */
const PATIENCE_S = 0.3;

/** Says it where a person reads along: both streams are a terminal. */
export function suggest({ globals, context }: Pick<Call, 'globals' | 'context'>, words: string): void {
  if (globals.quiet === true || globals.json === true) return;
  if (isTerminal(context.stdout) && isTerminal(context.stderr)) context.stderr.write(`ctq: ${words}\n`);
}

/** What was said of the place is to be said again: ` -A tasks -b redis://h`. */
export function placeFlags({ app, broker, resultBackend }: Pick<Call['globals'], 'app' | 'broker' | 'resultBackend'>): string {
  const flags: readonly (readonly [name: string, value: string | undefined])[] = [
    ['-A', app],
    ['-b', broker],
    ['--result-backend', resultBackend],
  ];
  return flags.map(([name, value]) => (value === undefined ? '' : ` ${name} ${maskUrl(value)}`)).join('');
}

/** A word in Python's quotes, or a shell's, looks like JSON and goes as a text. */
export function noteTexts({ globals, context }: Pick<Call, 'globals' | 'context'>, values: readonly unknown[]): void {
  if (globals.quiet === true) return;
  for (const value of values) {
    if (typeof value === 'string' && /^\s*[{[]/.test(value))
      context.stderr.write(`ctq: note: ${shortText(value)} is no JSON and goes as a text; JSON quotes names and texts with "\n`);
  }
}

/** What is stored of a task that has ended stays, and whoever waits for its namesake gets that. */
export async function noteNamesake({ globals, context }: Pick<Call, 'globals' | 'context'>, app: Ctq, id: string): Promise<void> {
  const backend = await app.backend();
  if (globals.quiet === true || backend.listen !== undefined) return;
  const earlier = await backend.load(id);
  if (earlier === undefined || !isReady(earlier.status)) return;
  context.stderr.write(
    `ctq: note: a task ${shortText(id)} has ended before, ${escapeText(earlier.status)}: what is printed may be its result\n`,
  );
}

function shortText(text: string): string {
  return escapeText(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/**
 * An error that says of a task nobody knows which one was probably meant: workers are asked what they have.
 * Any other error is what it was.
 */
export async function withLookalike(error: unknown, app: Ctq, { signal }: Call): Promise<unknown> {
  if (!(error instanceof TaskError) || error.remote.type !== 'NotRegistered') return error;
  const [given] = error.remote.args;
  if (typeof given !== 'string') return error;
  // Python's workers tell its repr.
  const name = given.replace(/^'(.*)'$/, '$1');
  const byNode = await registered(app, signal);
  const knowing = [...byNode].filter(([, names]) => names.includes(name)).map(([node]) => node);
  if (knowing.length > 0) return new TaskError(error.taskId, error.state, error.remote, { hint: await whereHint(app, knowing, signal) });
  return new TaskError(error.taskId, error.state, error.remote, { hint: lookalikeHint(name, byNode) });
}

/** The same for who wanted to change a task: a note, for the workers' own answers stand above it. */
export async function noteLookalike({ globals, context, signal }: Call, app: Ctq, name: string): Promise<void> {
  if (globals.quiet === true) return;
  const hint = lookalikeHint(name, await registered(app, signal));
  context.stderr.write(`ctq: note: no task was changed (${escapeText(hint)})\n`);
}

function lookalikeHint(name: string, byNode: ReadonlyMap<string, readonly string[]>): string {
  const known = [...new Set([...byNode.values()].flat())];
  const lookalike = closestName(name, known) ?? known.find((one) => one.endsWith(`.${name}`));
  if (lookalike !== undefined) return `did you mean ${lookalike}?`;
  const none = 'no worker has a task of that name';
  return known.length === 0 ? none : `${none}; ctq inspect registered lists what they have`;
}

/** Which queue it should have been sent to; where it was, workers of one queue do not have the same tasks. */
async function whereHint(app: Ctq, nodes: readonly string[], signal: AbortSignal): Promise<string> {
  const answers = await asked(app, 'active_queues', signal);
  const told = [...answers].filter(([node]) => nodes.includes(node)).map(([node, queues]) => ({ node, queues: queues.flatMap(queueName) }));
  const [first] = told.filter(({ queues }) => queues.length > 0);
  const who = escapeText(nodes.length === 1 ? (nodes[0] ?? '') : `${nodes[0]} and ${nodes.length - 1} more`);
  const know = nodes.length === 1 ? 'knows' : 'know';
  if (first === undefined) return `${who} ${know} it, and may take from another queue: name it with -Q`;
  const others = [...answers].filter(
    ([node, queues]) => !nodes.includes(node) && queues.flatMap(queueName).some((one) => first.queues.includes(one)),
  );
  const queues = first.queues.map(escapeText);
  const where = `${who} ${know} it and ${nodes.length === 1 ? 'takes' : 'take'} from ${queues.join(', ')}: -Q ${queues[0]}`;
  const [stranger] = others;
  return stranger === undefined ? where : `${where}; ${escapeText(stranger[0])} takes from there, too, and does not know it`;
}

function queueName(queue: unknown): readonly string[] {
  return isRecord(queue) && typeof queue['name'] === 'string' ? [queue['name']] : [];
}

/** By node. */
async function registered(app: Ctq, signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>> {
  const answers = await asked(app, 'registered', signal);
  // An answer may have attributes behind the name: `tasks.add [rate_limit=10/s]`.
  const names = (list: readonly unknown[]): string[] =>
    list.filter((one) => typeof one === 'string').map((one) => one.replace(/ \[.*$/, ''));
  return new Map([...answers].map(([node, list]) => [node, names(list)]));
}

/** What each worker lists; whoever is slow is left out. */
async function asked(app: Ctq, method: string, signal: AbortSignal): Promise<ReadonlyMap<string, readonly unknown[]>> {
  try {
    const replies = await app.control.gather(method, {}, { timeout: PATIENCE_S, signal });
    return new Map(replies.flatMap(({ nodename, value }) => (Array.isArray(value) ? [[nodename, value as readonly unknown[]]] : [])));
  } catch (problem) {
    if (problem instanceof CtqError) return new Map();
    throw problem;
  }
}
