/**
 * The error family. Every error that a user can meet extends {@link CtqError}: a stable `code`, a
 * `message` that says what is wrong and a `hint` that says what to do, printed together as
 * `ctq: <message> (<hint>)`. `docs/errors.md` lists every code; a test compares the two.
 *
 * ```
 * CtqError
 * ├─ UsageError            the command line is wrong                          exit 2
 * ├─ ConfigError           a setting is wrong or the app will not load        exit 2
 * ├─ BrokerError           the broker is unreachable, refused, lost           exit 69
 * ├─ ResultBackendError    the same, for results                              exit 69
 * ├─ NoReplyError          no worker answered in time                         exit 69
 * ├─ TaskError             the task failed, was revoked, ran out of time      exit 1
 * ├─ ProtocolError         a message we cannot or will not read               exit 1
 * ├─ NotFoundError         no task, key or queue of that name                 exit 1
 * ├─ OutputFileError       a file or port of ours that cannot be opened       exit 73
 * ├─ WaitTimeoutError      not ready yet; it may still finish                 exit 75
 * └─ MessageStateError     a delivery was settled twice: a bug of ours        exit 70
 * ```
 */
export interface CtqErrorOptions {
  /** What the reader can do about it: the second half of the printed line. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What all errors of ctq are: a message, a `code` that stays what it is, and a `hint` about what to do. */
export abstract class CtqError extends Error {
  /** Stable and never reused; listed in docs/errors.md. */
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: CtqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** Raised when the command line is wrong. Exit code 2. */
export class UsageError extends CtqError {
  constructor(message: string, options?: CtqErrorOptions) {
    super('CTQ_USAGE', message, options);
  }
}

/** Raised when a setting is wrong or the app module will not load. Exit code 2. */
export class ConfigError extends CtqError {
  constructor(
    message: string,
    options?: CtqErrorOptions,
    code: 'CTQ_CONFIG_INVALID' | 'CTQ_CONFIG_FILE' | 'CTQ_CONFIG_APP' | 'CTQ_CONFIG_DEPENDENCY' = 'CTQ_CONFIG_INVALID',
  ) {
    super(code, message, options);
  }
}

export type BrokerErrorCode =
  /** Nobody answers at the address, or the connection broke and did not come back in time. */
  | 'CTQ_BROKER_UNREACHABLE'
  /** Somebody answers and says no: wrong password, no permission, read-only. */
  | 'CTQ_BROKER_REFUSED'
  /** The broker took part in the conversation and then failed: out of memory, disk full. */
  | 'CTQ_BROKER_FAILED'
  /** This kind of broker cannot do what was asked. */
  | 'CTQ_BROKER_UNSUPPORTED'
  /** The broker or consumer was closed by ourselves while the call was under way. */
  | 'CTQ_BROKER_CLOSED';

/** Raised when the broker cannot be used. Exit code 69. */
export class BrokerError extends CtqError {
  /** True when trying again later may succeed; a worker then comes back by itself. */
  readonly retryable: boolean;
  declare readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options: CtqErrorOptions = {}) {
    super(code, message, options);
    this.retryable = code !== 'CTQ_BROKER_UNSUPPORTED' && code !== 'CTQ_BROKER_CLOSED';
  }
}

/** Raised when the result backend cannot be used. Exit code 69. */
export class ResultBackendError extends CtqError {
  constructor(
    message: string,
    options?: CtqErrorOptions,
    code: 'CTQ_BACKEND_UNREACHABLE' | 'CTQ_BACKEND_FAILED' | 'CTQ_BACKEND_DISABLED' = 'CTQ_BACKEND_FAILED',
  ) {
    super(code, message, options);
  }
}

/** Raised when no worker answered a remote-control request in time. Exit code 69, as Celery. */
export class NoReplyError extends CtqError {
  constructor(message: string, options?: CtqErrorOptions) {
    super('CTQ_NO_REPLY', message, options);
  }
}

export type ProtocolErrorCode =
  /** The bytes are not what their label says. */
  | 'CTQ_PROTOCOL_MALFORMED'
  /** The content type is known but not accepted here, pickle above all. */
  | 'CTQ_PROTOCOL_REFUSED'
  /** A value that the serializer cannot write. */
  | 'CTQ_PROTOCOL_UNENCODABLE'
  /** Too large, too deep, or inflates beyond the limit. */
  | 'CTQ_PROTOCOL_TOO_LARGE';

/** Raised for a message that we cannot read, refuse to read, or cannot write. Exit code 1. */
export class ProtocolError extends CtqError {
  declare readonly code: ProtocolErrorCode;
  constructor(code: ProtocolErrorCode, message: string, options?: CtqErrorOptions) {
    super(code, message, options);
  }
}

/** Raised when there is no task, key or queue of the name that was given. Exit code 1. */
export class NotFoundError extends CtqError {
  constructor(message: string, options?: CtqErrorOptions) {
    super('CTQ_NOT_FOUND', message, options);
  }
}

/** Raised when a pidfile or logfile cannot be created. Exit code 73. */
export class OutputFileError extends CtqError {
  constructor(message: string, options?: CtqErrorOptions) {
    super('CTQ_FILE_CANNOT_CREATE', message, options);
  }
}

/** Raised by waiting calls: the task has no result yet and may still finish. Exit code 75. */
export class WaitTimeoutError extends CtqError {
  constructor(message = 'The operation timed out.', options?: CtqErrorOptions) {
    super('CTQ_WAIT_TIMEOUT', message, options);
  }
}

/** Raised when a delivery is settled twice. */
export class MessageStateError extends CtqError {
  constructor(message: string, options?: CtqErrorOptions) {
    super('CTQ_MESSAGE_STATE', message, options);
  }
}

/** What the remote side said about a failed task: the three fields of a stored exception. */
export interface RemoteErrorInfo {
  /** Class name, e.g. `ValueError`. */
  readonly type: string;
  /** Constructor arguments, Celery's `exc_message`. */
  readonly args: readonly unknown[];
  /** Python module or null, Celery's `exc_module`. */
  readonly module: string | null;
  readonly traceback: string | null;
}

/** Raised when a remote task failed or was revoked; carries what the worker stored. Exit code 1. */
export class TaskError extends CtqError {
  readonly taskId: string;
  readonly state: string;
  readonly remote: RemoteErrorInfo;

  constructor(taskId: string, state: string, remote: RemoteErrorInfo, options?: CtqErrorOptions) {
    super(state === 'REVOKED' ? 'CTQ_TASK_REVOKED' : 'CTQ_TASK_FAILED', remoteErrorText(remote), options);
    this.taskId = taskId;
    this.state = state;
    this.remote = remote;
  }
}

/** `ValueError: boom`, as Python prints the last line of a traceback. */
export function remoteErrorText(remote: Pick<RemoteErrorInfo, 'type' | 'args'>): string {
  const detail = remote.args.map(argumentText).join(', ');
  return detail === '' ? remote.type : `${remote.type}: ${detail}`;
}

/** Python's integers may be of any length, and JSON.stringify throws at BigInt. */
function argumentText(arg: unknown): string {
  if (typeof arg === 'string' || typeof arg === 'bigint') return String(arg);
  return JSON.stringify(arg, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? String(arg);
}
