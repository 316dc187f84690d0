/** What somebody at a terminal may want to do next. Said on stderr, to people, and never with --quiet or --json. */
import { closestName } from '../config/closest-name.js';
import type { Ctq } from '../ctq.js';
import { CtqError, TaskError } from '../errors.js';
import type { CommandCall } from './command.js';
import { isTerminal } from './output/terminal.js';

type Call = Pick<CommandCall, 'globals' | 'context' | 'signal'>;

/** As long as somebody who mistyped a name waits for a hint. */
const PATIENCE_S = 0.3;

/** Says it where a person reads along: both streams are a terminal. */
export function suggest({ globals, context }: Pick<Call, 'globals' | 'context'>, words: string): void {
  if (globals.quiet === true || globals.json === true) return;
  if (isTerminal(context.stdout) && isTerminal(context.stderr)) context.stderr.write(`ctq: ${words}\n`);
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
  const known = await registered(app, signal);
  const elsewhere = known.includes(name)
    ? 'another worker has a task of that name, and takes from another queue: name it with -Q'
    : undefined;
  if (elsewhere !== undefined) return new TaskError(error.taskId, error.state, error.remote, { hint: elsewhere });
  const lookalike = closestName(name, known) ?? known.find((one) => one.endsWith(`.${name}`));
  const hint =
    lookalike !== undefined
      ? `did you mean ${lookalike}?`
      : known.length === 0
        ? 'no worker has a task of that name'
        : 'no worker has a task of that name; ctq inspect registered lists what they have';
  return new TaskError(error.taskId, error.state, error.remote, { hint });
}

async function registered(app: Ctq, signal: AbortSignal): Promise<readonly string[]> {
  try {
    const replies = await app.control.gather('registered', {}, { timeout: PATIENCE_S, signal });
    const lists = replies.flatMap(({ value }) => (Array.isArray(value) ? (value as readonly unknown[]) : []));
    // An answer may have attributes behind the name: `tasks.add [rate_limit=10/s]`.
    return [...new Set(lists.filter((entry) => typeof entry === 'string').map((entry) => entry.replace(/ \[.*$/, '')))];
  } catch (problem) {
    if (problem instanceof CtqError) return [];
    throw problem;
  }
}
