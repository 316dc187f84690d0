/**
 * JavaScript errors ⇄ the three fields in which Celery stores an exception (WIRE 7.3). Anything can be
 * thrown in JavaScript, a string or a trap-ridden proxy included, and anything can stand in a stored
 * document; neither may throw again here, and no class is ever looked up by what a document says
 * (CVE-2021-23727).
 */
import { fileURLToPath } from 'node:url';
import type { RemoteErrorInfo } from '../errors.js';
import { stringifyJson } from './kombu-json.js';
import { pythonRepr, pythonTupleRepr } from './python-repr.js';
import { isRecord } from './record.js';

/** A stored exception, by its wire names. */
export interface EncodedException {
  readonly exc_type: string;
  readonly exc_message: readonly unknown[];
  readonly exc_module: string | null;
}

export function encodeException(info: Pick<RemoteErrorInfo, 'type' | 'args' | 'module'>): EncodedException {
  return { exc_type: info.type, exc_message: info.args.map(encodable), exc_module: info.module };
}

/** Arguments that JSON cannot hold become their repr, as in Celery. */
function encodable(arg: unknown): unknown {
  try {
    stringifyJson(arg);
    return arg ?? null;
  } catch {
    return pythonRepr(arg);
  }
}

/** What a stored exception says, whichever of its parts are missing. */
export function decodeException(value: unknown, traceback: string | null): RemoteErrorInfo {
  if (!isRecord(value)) {
    return { type: 'Exception', args: value === null || value === undefined ? [] : [value], module: 'builtins', traceback };
  }
  const { exc_type: type, exc_message: message, exc_module: module } = value;
  return {
    type: typeof type === 'string' && type !== '' ? type : 'Exception',
    args: Array.isArray(message) ? message : message === undefined || message === null || message === '' ? [] : [message],
    module: typeof module === 'string' ? module : null,
    traceback,
  };
}

/** `ValueError('boom')`, as log lines and events show it. */
export function exceptionRepr(info: Pick<RemoteErrorInfo, 'type' | 'args'>): string {
  return `${info.type.slice(info.type.lastIndexOf('.') + 1)}(${info.args.map(pythonRepr).join(', ')})`;
}

/** `ValueError: boom`: the last line of a Python traceback. Classes outside of `builtins` have their module in front. */
export function exceptionLine(info: Pick<RemoteErrorInfo, 'type' | 'args' | 'module'>): string {
  const name = info.module === null || info.module === 'builtins' || info.module === OUR_MODULE ? info.type : `${info.module}.${info.type}`;
  const text = exceptionText(info);
  return text === '' ? name : `${name}: ${text}`;
}

/** An error of ctq's own or of Celery's, by its name, as it will be stored. */
export function namedError(type: string, args: readonly unknown[]): RemoteErrorInfo {
  return { type, args, module: moduleOf(type), traceback: null };
}

/** Python's `str(exception)`. */
function exceptionText({ type, args }: Pick<RemoteErrorInfo, 'type' | 'args'>): string {
  if (args.length > 1) return pythonTupleRepr(args);
  const [arg] = args;
  if (args.length === 0) return '';
  return typeof arg === 'string' && type !== 'KeyError' ? arg : pythonRepr(arg);
}

/**
 * Anything that a task may throw, as it will be stored. `type` is the error's name, `args` its message
 * (or its own `args`, where it has such an array), and `module` is chosen so that `except ValueError`
 * works in Python. An error that came from another task stays what it was there. Never throws.
 */
export function describeError(thrown: unknown): RemoteErrorInfo {
  try {
    return describe(thrown);
  } catch {
    return { type: 'Error', args: ['<the thrown value cannot be read>'], module: OUR_MODULE, traceback: null };
  }
}

function describe(thrown: unknown): RemoteErrorInfo {
  const named = classOf(thrown);
  return { ...named, traceback: tracebackOf(thrown, named) };
}

function classOf(thrown: unknown): Omit<RemoteErrorInfo, 'traceback'> {
  if (!(thrown instanceof Error)) return { type: 'Error', args: thrown === undefined ? [] : [encodable(thrown)], module: OUR_MODULE };
  const { remote, args } = thrown as { remote?: Partial<RemoteErrorInfo> | null; args?: unknown };
  if (typeof remote?.type === 'string' && Array.isArray(remote.args)) {
    return { type: remote.type, args: remote.args, module: typeof remote.module === 'string' ? remote.module : null };
  }
  const type = errorName(thrown);
  const { message: given }: { message: unknown } = thrown;
  const message = String(given);
  return { type, args: Array.isArray(args) ? args.map(encodable) : message === '' ? [] : [message], module: moduleOf(type) };
}

/** `class MyError extends Error {}` has the name `Error` unless it sets one; its class is what people mean. */
function errorName(error: Error): string {
  const given: unknown = error.name;
  const name = typeof given === 'string' && given !== '' && given !== 'Error' ? given : error.constructor?.name;
  return typeof name === 'string' && /^[\p{L}\p{N}_.$]{1,200}$/u.test(name) ? name : 'Error';
}

/**
 * The Python module that an error of this name belongs to. Other classes get a module that no Python
 * program has loaded, so that a client makes a class of that name on the fly.
 */
function moduleOf(type: string): string {
  return PYTHON_MODULES.get(type) ?? OUR_MODULE;
}

const OUR_MODULE = 'ctq.errors';

/**
 * Builtin exceptions that take any arguments. Left out: those that end a client which meets them
 * (SystemExit, KeyboardInterrupt …) and those that cannot be made of a message alone (UnicodeDecodeError …).
 */
const BUILTINS = `ArithmeticError AssertionError AttributeError BlockingIOError BrokenPipeError BufferError ChildProcessError
  ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError EOFError EnvironmentError Exception
  FileExistsError FileNotFoundError FloatingPointError IOError ImportError IndentationError IndexError InterruptedError
  IsADirectoryError KeyError LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError
  OSError OverflowError PermissionError ProcessLookupError RecursionError ReferenceError RuntimeError StopAsyncIteration
  StopIteration SyntaxError SystemError TabError TimeoutError TypeError UnboundLocalError UnicodeError ValueError Warning
  ZeroDivisionError`;

const PYTHON_MODULES: ReadonlyMap<string, string> = new Map([
  ...BUILTINS.split(/\s+/).map((name) => [name, 'builtins'] as const),
  ...['ChordError', 'Ignore', 'InvalidTaskError', 'MaxRetriesExceededError', 'NotRegistered', 'Reject', 'Retry', 'TaskRevokedError'].map(
    (name) => [name, 'celery.exceptions'] as const,
  ),
  ...['SoftTimeLimitExceeded', 'Terminated', 'TimeLimitExceeded', 'WorkerLostError'].map((name) => [name, 'billiard.exceptions'] as const),
  ...['ContentDisallowed', 'DecodeError', 'EncodeError', 'OperationalError'].map((name) => [name, 'kombu.exceptions'] as const),
]);

const DEEPEST_CAUSE = 5;
const MOST_FRAMES = 50;

/** In Python's layout, the cause first, so that tools which read tracebacks read ours. */
function tracebackOf(thrown: unknown, described: Omit<RemoteErrorInfo, 'traceback'>): string {
  const parts = [traceback(thrown, described)];
  for (let cause = causeOf(thrown); cause instanceof Error && parts.length < DEEPEST_CAUSE; cause = causeOf(cause)) {
    parts.unshift(traceback(cause, classOf(cause)));
  }
  return parts.join('\nThe above exception was the direct cause of the following exception:\n\n');
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.cause : undefined;
}

function traceback(thrown: unknown, described: Omit<RemoteErrorInfo, 'traceback'>): string {
  const remote = (thrown as { remote?: { traceback?: unknown } } | null | undefined)?.remote;
  if (typeof remote?.traceback === 'string' && remote.traceback !== '') return remote.traceback;
  const stack: unknown = thrown instanceof Error ? thrown.stack : undefined;
  const frames = typeof stack === 'string' ? stackFrames(stack) : [];
  const head = frames.length === 0 ? '' : `Traceback (most recent call last):\n${frames.join('\n')}\n`;
  return `${head}${exceptionLine(described)}\n${notesOf(thrown)}`;
}

/** Lines below the message, as Python prints those of `add_note()` (PEP 678). */
function notesOf(thrown: unknown): string {
  const notes: unknown = thrown instanceof Error ? (thrown as { notes?: unknown }).notes : undefined;
  if (!Array.isArray(notes)) return '';
  return notes.map((note: unknown) => (typeof note === 'string' ? `${note.slice(0, LONGEST_LINE)}\n` : '')).join('');
}

/** A message is part of the stack and may be long; the frames are at its end. */
const LONGEST_STACK = 65_536;
const LONGEST_LINE = 1000;
const FRAME = /^\s+at (?:async )?(?:(.*?) \()?([^()]+):(\d+):\d+\)?$/;

/** V8's frames, innermost first, as Python's, innermost last. Node's own are left out. */
function stackFrames(stack: string): string[] {
  const frames: string[] = [];
  for (const line of stack.slice(-LONGEST_STACK).split('\n')) {
    const match = line.length > LONGEST_LINE ? null : FRAME.exec(line);
    if (match === null) continue;
    const [, name = '<module>', location = '', lineNumber = '0'] = match;
    if (!location.startsWith('node:')) frames.unshift(`  File "${filePath(location)}", line ${lineNumber}, in ${name}`);
    if (frames.length === MOST_FRAMES) break;
  }
  return frames;
}

function filePath(location: string): string {
  if (!location.startsWith('file:')) return location;
  try {
    return fileURLToPath(location);
  } catch {
    return location;
  }
}
