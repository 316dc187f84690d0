/** The front door: command line and world in, exit code out. The only place where errors become exit codes. */
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { closestName } from '../config/closest-name.js';
import { maskUrl } from '../config/masking.js';
import { type CtqError, OutputFileError, type TaskError, UsageError } from '../errors.js';
import { CTQ_VERSION } from '../version.js';
import { celeryCommandHint } from './celery-words.js';
import type { CommandCall, CommandSpec } from './command.js';
import { splitCommandLine } from './command-line.js';
import { loadConfig } from './config-file.js';
import { commands } from './commands/index.js';
import type { CliContext } from './context.js';
import { escapeText } from './escape-text.js';
import { EXIT, exitCodeOf, Interruption, isCtqError, isExpected } from './exit-codes.js';
import type { GlobalOptions } from './global-options.js';
import { withDefaults } from './command-defaults.js';

export { type CliContext, processContext } from './context.js';

/** How long what a command has open may take to close after it was interrupted. */
const CLEANUP_MS = 2000;
const LEFT_UNFINISHED = `ctq: ended without waiting any longer for what was under way (ctq doctor says what is left of it)\n`;

/**
 * Runs one command line to its end. Never throws: whatever goes wrong is told on stderr in one line,
 * `ctq: what is wrong (what to do)`, and in the exit code.
 */
export async function main(argv: readonly string[], context: CliContext): Promise<number> {
  const stop = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  cleanups.push(watchStdout(context, stop));
  try {
    return await Promise.race([dispatch(argv, context, stop, cleanups), rejection(stop.signal)]);
  } catch (error) {
    report(error, argv, context);
    return exitCodeOf(error);
  } finally {
    const cleaned = await Promise.race([cleanUp(cleanups).then(() => 'all' as const), pause(context, CLEANUP_MS)]);
    if (cleaned !== 'all' && stop.signal.aborted) context.stderr.write(LEFT_UNFINISHED);
  }
}

async function dispatch(
  argv: readonly string[],
  context: CliContext,
  stop: AbortController,
  cleanups: (() => void | Promise<void>)[],
): Promise<number> {
  // A shell asks in the middle of somebody's typing, so this one takes any words and has no errors.
  if (argv[0] === '__complete') return (await import('./completion/live-words.js')).printLiveWords(argv.slice(1), context);
  const { command: name, rest } = splitCommandLine(argv);
  if (name === undefined || name === 'help') return answer(name, rest, context);
  const entry = commands.find((one) => one.name === name);
  if (entry === undefined) throw await unknownCommand(name);
  const [spec, { parseCommand }] = await Promise.all([entry.load(), import('./program.js')]);
  const parsed = parseCommand(spec, rest, { version: CTQ_VERSION, width: widthOf(context) });
  if (parsed.kind === 'question') {
    context.stdout.write(parsed.answer);
    return EXIT.ok;
  }
  if (spec.ownsSignals !== true) cleanups.push(stopOnSignals(context, stop));
  return spec.run(await makeCall(spec, parsed, context, stop, cleanups));
}

async function makeCall(
  spec: CommandSpec,
  parsed: { readonly args: readonly string[]; readonly values: Readonly<Record<string, unknown>> },
  context: CliContext,
  stop: AbortController,
  cleanups: (() => void | Promise<void>)[],
): Promise<CommandCall> {
  const { config: configFile, workdir: wanted } = parsed.values as Partial<GlobalOptions>;
  const workdir = wanted === undefined ? context.cwd : changeFolder(wanted, context);
  const config = await loadConfig({ file: configFile, workdir, env: context.env });
  const values = await withDefaults(spec, parsed.values, config);
  return {
    args: parsed.args,
    options: values as CommandCall['options'],
    globals: values as unknown as GlobalOptions,
    config,
    workdir,
    context,
    commands,
    signal: stop.signal,
    defer: (cleanup) => cleanups.push(cleanup),
  };
}

function changeFolder(wanted: string, context: CliContext): string {
  const folder = resolve(context.cwd, wanted);
  try {
    context.changeFolder(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`--workdir: cannot change to ${folder}`, {
      hint: code === 'ENOENT' ? 'there is no such folder' : code === 'ENOTDIR' ? 'it is no folder' : `the system says ${code}`,
      cause: error,
    });
  }
  return folder;
}

/** `ctq`, `ctq --help`, `ctq --version`, `ctq help`, `ctq help send`. */
async function answer(name: 'help' | undefined, rest: readonly string[], context: CliContext): Promise<number> {
  if (rest.includes('--version')) {
    context.stdout.write(`${CTQ_VERSION}\n`);
    return EXIT.ok;
  }
  const topic = name === 'help' ? splitCommandLine(rest).command : undefined;
  const entry = commands.find((one) => one.name === topic);
  if (topic !== undefined && entry === undefined) throw await unknownCommand(topic);
  const asked = name === 'help' || rest.includes('--help') || rest.includes('-h');
  if (!asked) {
    const names = commands.map((one) => one.name).join(', ');
    throw new UsageError('no command was given', { hint: `try ctq --help, or one of ${names}` });
  }
  const { helpOf, overview } = await import('./program.js');
  const setting = { version: CTQ_VERSION, width: widthOf(context) };
  context.stdout.write(entry === undefined ? overview(commands, setting) : helpOf(await entry.load(), setting));
  return EXIT.ok;
}

async function unknownCommand(name: string): Promise<UsageError> {
  const shown = escapeText(name.length > 60 ? `${name.slice(0, 57)}...` : name);
  const names = commands.map((entry) => entry.name);
  const lookalike = closestName(name, names);
  const hint =
    celeryCommandHint(name) ??
    (await verbHint(name)) ??
    (lookalike === undefined ? undefined : `did you mean ctq ${lookalike}?`) ??
    (/^[\w-]+(\.[\w-]+)+$/.test(name) ? `did you forget "send"? ctq send ${shown} …` : `there are ${names.join(', ')}; see ctq --help`);
  return new UsageError(`unknown command ${JSON.stringify(shown)}`, { hint });
}

/** `ctq ping` is a method of `ctq inspect`, `ctq peek` one of `ctq queues`. */
async function verbHint(name: string): Promise<string | undefined> {
  const specs = await Promise.all(commands.map(async (entry) => await entry.load()));
  const owners = specs.filter(({ verbs = [] }) => verbs.some((verb) => verb.name === name));
  return owners.length === 0 ? undefined : `the command is ${owners.map((owner) => `ctq ${owner.name} ${name}`).join(' or ')}`;
}

function report(error: unknown, argv: readonly string[], context: CliContext): void {
  if (error instanceof Interruption) return;
  const message = escapeText(error instanceof Error ? error.message : String(error));
  const line = isExpected(error)
    ? `ctq: ${message}${inBrackets(withVariable(hintOf(error), error, argv, context))}`
    : `ctq: internal error in version ${CTQ_VERSION}: ${isCtqError(error) ? `${error.code}: ` : ''}${message} (run it again with NODE_DEBUG=ctq and report what it prints)`;
  context.stderr.write(`${line}\n`);
  // Where a wrong option was noticed helps nobody.
  if (wantsStack(argv, context) && !(isCtqError(error) && error.code === 'CTQ_USAGE')) context.stderr.write(`${inspect(error)}\n`);
}

/** Of a URL that cannot be used nobody at the screen has typed a letter when it comes from the environment. */
function withVariable(hint: string | undefined, error: CtqError, argv: readonly string[], { env }: CliContext): string | undefined {
  if (error.code !== 'CTQ_CONFIG_INVALID') return hint;
  const variable = URL_VARIABLES.find((name) => {
    const url = maskUrl(env[name] ?? '');
    const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? url;
    if (url === '' || argv.some((word) => word.includes(scheme))) return false;
    return error.message.includes(url) || error.message.endsWith(` ${scheme}`);
  });
  if (variable !== undefined && error.message.startsWith(variable)) return hint;
  if (variable === undefined) return hint;
  return hint === undefined ? `it comes from ${variable}` : `${hint}; it comes from ${variable}`;
}

/** Strongest first. */
const URL_VARIABLES = ['CTQ_BROKER_URL', 'CELERY_BROKER_URL', 'CTQ_RESULT_BACKEND', 'CELERY_RESULT_BACKEND'] as const;

function hintOf(error: CtqError): string | undefined {
  if (error.hint !== undefined || !error.code.startsWith('CTQ_TASK_')) return error.hint;
  const { taskId, state } = error as TaskError;
  return `task ${taskId} ${state === 'REVOKED' ? 'was revoked' : 'failed'}; ctq result --traceback ${taskId} tells more`;
}

function inBrackets(hint: string | undefined): string {
  return hint === undefined ? '' : ` (${escapeText(hint)})`;
}

/** `-l debug`, and Node's own way for commands that have no such option. */
function wantsStack(argv: readonly string[], context: CliContext): boolean {
  if (/(^|,)ctq(,|$)/i.test(context.env['NODE_DEBUG'] ?? '')) return true;
  return /(^| )(-l ?|--loglevel[ =])debug( |$)/i.test(argv.join(' '));
}

function widthOf(context: CliContext): number {
  return Math.max(context.stdout.columns ?? 80, 40);
}

function stopOnSignals(context: CliContext, stop: AbortController): () => void {
  const offs = (['SIGINT', 'SIGTERM'] as const).map((signal) => context.onSignal(signal, () => stop.abort(new Interruption(signal))));
  return () => offs.forEach((off) => off());
}

/** A reader that has gone (`| head`) ends the command without a word; a full disk does not go unsaid. */
function watchStdout(context: CliContext, stop: AbortController): () => void {
  const onError = (error: NodeJS.ErrnoException): void => {
    const gone = error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
    const problem = new OutputFileError(`cannot write to standard output: ${error.message}`, { hint: 'is the disk full?', cause: error });
    stop.abort(gone ? new Interruption('closed pipe') : problem);
  };
  context.stdout.on('error', onError);
  // Not taken off again: an error may still arrive when the command is over, and nobody would catch it.
  return () => {};
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}

async function cleanUp(cleanups: readonly (() => void | Promise<void>)[]): Promise<void> {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      await cleanup();
    } catch {
      // The command is over; what it said counts.
    }
  }
}

function pause(context: CliContext, delayMs: number): Promise<void> {
  return new Promise((done) => context.clock.setTimeout(done, delayMs).unref());
}
