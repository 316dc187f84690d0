/** What the process ends with: the contract's numbers, and the one table from errors to numbers. */
import type { CtqError } from '../errors.js';

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

/**
 * By what an error's code starts with, not by its class: the worker and a user's module run from another
 * bundle than the command line (docs/decisions/0008), and bring classes of their own.
 */
const BY_CODE: readonly (readonly [prefix: string, exitCode: number])[] = [
  ['CTQ_USAGE', EXIT.usage],
  ['CTQ_CONFIG_', EXIT.usage],
  ['CTQ_BROKER_', EXIT.unavailable],
  ['CTQ_BACKEND_', EXIT.unavailable],
  ['CTQ_NO_REPLY', EXIT.unavailable],
  ['CTQ_TASK_', EXIT.failed],
  ['CTQ_PROTOCOL_', EXIT.failed],
  ['CTQ_NOT_FOUND', EXIT.failed],
  ['CTQ_FILE_', EXIT.cannotCreate],
  ['CTQ_WAIT_TIMEOUT', EXIT.tryAgain],
];

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return error.exitCode;
  if (!isCtqError(error)) return EXIT.internal;
  return BY_CODE.find(([prefix]) => error.code.startsWith(prefix))?.[1] ?? EXIT.internal;
}

/** An error of the family, whichever copy of it. */
export function isCtqError(error: unknown): error is CtqError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('CTQ_');
}

/** False for what no reader could have caused. */
export function isExpected(error: unknown): error is CtqError {
  return isCtqError(error) && exitCodeOf(error) !== EXIT.internal;
}
