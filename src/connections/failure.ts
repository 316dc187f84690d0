/** Why a server could not be used, whichever it is: sorted into kinds, put into words for people, and told as an error of ours. */
import { BrokerError, type BrokerErrorCode, ConfigError, type CtqErrorOptions, ResultBackendError } from '../errors.js';

/**
 * - `unreachable`: nobody answers, or the connection broke
 * - `refused`: the server says no to us: password, permission, a database or virtual host that is not there
 * - `failed`: the server says no to this, or for now: loading, out of memory, read-only
 * - `missing`: there is no such queue or exchange
 * - `closed`: we closed the link ourselves
 */
export type FailureKind = 'unreachable' | 'refused' | 'failed' | 'missing' | 'closed';

/** Why something went wrong, before it becomes a BrokerError or a ResultBackendError. */
export abstract class ConnectionFailure extends Error {
  /** What should be running there. */
  abstract readonly server: string;
  readonly kind: FailureKind;
  readonly hint: string | undefined;

  constructor(kind: FailureKind, reason: string, options: CtqErrorOptions = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.kind = kind;
    this.hint = options.hint;
  }
}

export const CLOSED_BY_US = 'the connection was closed by ourselves';
export const CLOSED = 'the connection was closed';

export function noAnswerWithin(limitMs: number): string {
  return `no answer within ${Math.round(limitMs / 100) / 10} s`;
}

export function noAnswerFor(silentForMs: number): string {
  return `no answer for ${Math.round(silentForMs / 1000)} s`;
}

/** What a driver's error says, taken out of what it is wrapped in. */
export interface DriverError {
  readonly message: string;
  /** Node's name for it, or the server's number. */
  readonly code: unknown;
  readonly error: unknown;
}

export function driverError(error: unknown): DriverError {
  const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  return {
    message: first instanceof Error ? first.message : String(first),
    code: (first as { readonly code?: unknown } | undefined)?.code,
    error: first,
  };
}

/** OpenSSL's and Node's own names for a certificate that does not do, ours or the server's. */
export function isCertificateTrouble({ code }: DriverError): boolean {
  return typeof code === 'string' && /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED)/.test(code);
}

/** What every driver may run into: a setting that is wrong, and the network. */
export function commonReason(error: unknown, { code }: DriverError): readonly [FailureKind, string, CtqErrorOptions] | undefined {
  if (error instanceof ConfigError) {
    return ['refused', error.message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) }];
  }
  const words = typeof code === 'string' ? NETWORK_WORDS.get(code) : undefined;
  return words === undefined ? undefined : ['unreachable', words, { cause: error }];
}

const NETWORK_WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset'],
  ['EPIPE', 'connection reset'],
  ['ENOTFOUND', 'host not found'],
  ['EAI_AGAIN', 'host name cannot be looked up'],
  ['ENOENT', 'no such socket file'],
  ['EACCES', 'no permission to open the socket'],
  ['ETIMEDOUT', 'no answer'],
  ['EHOSTUNREACH', 'no route to the host'],
  ['ENETUNREACH', 'no route to the network'],
]);

const BROKER_CODES: Readonly<Record<FailureKind, BrokerErrorCode>> = {
  unreachable: 'CTQ_BROKER_UNREACHABLE',
  refused: 'CTQ_BROKER_REFUSED',
  failed: 'CTQ_BROKER_FAILED',
  missing: 'CTQ_BROKER_FAILED',
  closed: 'CTQ_BROKER_CLOSED',
};

/** For callers of a broker. */
export function brokerErrorOf(failure: ConnectionFailure, displayUrl: string): BrokerError {
  return brokerErrorSaying(sentence(failure, `the broker at ${displayUrl}`), failure);
}

/** The same in other words. */
export function brokerErrorSaying(message: string, failure: ConnectionFailure): BrokerError {
  return new BrokerError(BROKER_CODES[failure.kind], message, causeOf(failure));
}

/** For callers of a result backend. */
export function backendErrorOf(failure: ConnectionFailure, displayUrl: string): ResultBackendError {
  const reached = failure.kind !== 'unreachable' && failure.kind !== 'refused';
  const code = reached ? 'CTQ_BACKEND_FAILED' : 'CTQ_BACKEND_UNREACHABLE';
  return new ResultBackendError(sentence(failure, `the result backend at ${displayUrl}`), causeOf(failure), code);
}

function sentence({ kind, message }: ConnectionFailure, what: string): string {
  switch (kind) {
    case 'unreachable':
      return `cannot reach ${what}: ${message}`;
    case 'refused':
      return `${what} refused us: ${message}`;
    case 'failed':
    case 'missing':
      return `${what} failed: ${message}`;
    case 'closed':
      return `${what} was closed`;
    default:
      return kind satisfies never;
  }
}

function causeOf(failure: ConnectionFailure): CtqErrorOptions {
  const hint = failure.hint ?? (failure.kind === 'unreachable' ? `is ${failure.server} running there?` : undefined);
  return { cause: failure, ...(hint === undefined ? {} : { hint }) };
}
