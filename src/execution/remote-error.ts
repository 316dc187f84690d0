/**
 * Whatever a task throws → the three fields that are stored for it (WIRE 7.3). Anything can be thrown
 * in JavaScript, a string or a trap-ridden proxy included, and none of it may throw again here.
 */
import type { RemoteErrorInfo } from '../errors.js';

/** Classes that a Python client has without importing anything, so that `except ValueError` works there. */
const PYTHON_BUILTINS: ReadonlySet<string> = new Set(
  `ArithmeticError AssertionError AttributeError BaseException BlockingIOError BrokenPipeError BufferError ChildProcessError
  ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError EOFError EnvironmentError Exception
  FileExistsError FileNotFoundError FloatingPointError IOError ImportError IndentationError IndexError InterruptedError
  IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError
  NotImplementedError OSError OverflowError PermissionError ProcessLookupError RecursionError ReferenceError RuntimeError
  StopAsyncIteration StopIteration SyntaxError SystemError TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError
  UnicodeEncodeError UnicodeError UnicodeTranslateError ValueError ZeroDivisionError`
    .trim()
    .split(/\s+/),
);

/** Where Python keeps the classes that a worker itself raises. */
const PYTHON_MODULES: ReadonlyMap<string, string> = new Map([
  ['SoftTimeLimitExceeded', 'billiard.exceptions'],
  ['TimeLimitExceeded', 'billiard.exceptions'],
  ['WorkerLostError', 'billiard.exceptions'],
  ['MaxRetriesExceededError', 'celery.exceptions'],
  ['NotRegistered', 'celery.exceptions'],
  ['TaskRevokedError', 'celery.exceptions'],
  ['EncodeError', 'kombu.exceptions'],
]);

/** The module of everything else; Python makes a class of the name on the fly. */
const OUR_MODULE = 'ctq.errors';

const DEEPEST_CAUSE = 5;

/** A `throw` of a task as it will be stored. Never throws. */
export function remoteErrorOf(thrown: unknown): RemoteErrorInfo {
  try {
    return describe(thrown);
  } catch {
    return { type: 'Error', args: ['<the thrown value cannot be read>'], module: OUR_MODULE, traceback: null };
  }
}

function describe(thrown: unknown): RemoteErrorInfo {
  if (!(thrown instanceof Error)) {
    const args = thrown === undefined ? [] : [plain(thrown)];
    return { type: 'Error', args, module: OUR_MODULE, traceback: null };
  }
  const remote = remoteOf(thrown);
  const type = remote?.type ?? errorName(thrown);
  const args = remote?.args ?? (thrown.message === '' ? [] : [String(thrown.message)]);
  const module = remote === undefined ? moduleOf(type) : remote.module;
  return { type, args, module, traceback: tracebackOf(thrown) };
}

/** The module that a Python client looks the class up in. */
export function moduleOf(type: string): string {
  return PYTHON_MODULES.get(type) ?? (PYTHON_BUILTINS.has(type) ? 'builtins' : OUR_MODULE);
}

/** A sub-task's error that went through: it stays what it was there, as it does between Python workers. */
function remoteOf(error: Error): RemoteErrorInfo | undefined {
  const remote = (error as { remote?: Partial<RemoteErrorInfo> }).remote;
  if (typeof remote !== 'object' || remote === null) return undefined;
  return typeof remote.type === 'string' && Array.isArray(remote.args) ? (remote as RemoteErrorInfo) : undefined;
}

/** `class MyError extends Error {}` has the name `Error` unless it sets one; its class is what people mean. */
function errorName(error: Error): string {
  if (typeof error.name === 'string' && error.name !== '' && error.name !== 'Error') return error.name;
  return error.constructor?.name || 'Error';
}

/** JSON or its nearest text. */
function plain(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  try {
    const text = JSON.stringify(value);
    return text === undefined ? String(value) : (JSON.parse(text) as unknown);
  } catch {
    return String(value);
  }
}

/** The stack with those of its causes; each `stack` begins with the error's name and message. */
export function tracebackOf(error: unknown): string | null {
  const stacks: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < DEEPEST_CAUSE; at = at.cause, depth += 1) {
    stacks.push(typeof at.stack === 'string' && at.stack !== '' ? at.stack : `${errorName(at)}: ${at.message}`);
  }
  return stacks.length === 0 ? null : stacks.join('\nCaused by: ');
}
