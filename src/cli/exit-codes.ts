/** What the process ends with: the contract's numbers, and the one table from errors to numbers. */
import {
  BrokerError,
  ConfigError,
  CtqError,
  NoReplyError,
  OutputFileError,
  ProtocolError,
  ResultBackendError,
  TaskError,
  UsageError,
  WaitTimeoutError,
} from '../errors.js';

export const EXIT = {
  ok: 0,
  /** The thing asked about failed: the task failed or was revoked. */
  failed: 1,
  usage: 2,
  /** Broker or backend unreachable, or no worker replied in time. */
  unavailable: 69,
  /** A bug of ours. */
  internal: 70,
  cannotCreate: 73,
  /** Timed out; trying again may help. */
  tryAgain: 75,
  interrupted: 130,
  terminated: 143,
} as const;

/** Ends a command from outside: a signal, or a reader that closed the pipe. */
export class Interruption extends Error {
  readonly exitCode: number;
  constructor(reason: 'SIGINT' | 'SIGTERM' | 'closed pipe') {
    super(reason);
    this.name = 'Interruption';
    // `ctq keys | head`: the reader had enough, and nothing is wrong.
    this.exitCode = reason === 'SIGINT' ? EXIT.interrupted : reason === 'SIGTERM' ? EXIT.terminated : EXIT.ok;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return error.exitCode;
  if (error instanceof UsageError || error instanceof ConfigError) return EXIT.usage;
  if (error instanceof BrokerError || error instanceof ResultBackendError || error instanceof NoReplyError) return EXIT.unavailable;
  if (error instanceof TaskError || error instanceof ProtocolError) return EXIT.failed;
  if (error instanceof OutputFileError) return EXIT.cannotCreate;
  if (error instanceof WaitTimeoutError) return EXIT.tryAgain;
  return EXIT.internal;
}

/** False for what no reader could have caused. */
export function isExpected(error: unknown): error is CtqError {
  return error instanceof CtqError && exitCodeOf(error) !== EXIT.internal;
}
