/** Why Redis could not be used, sorted into four kinds and put into words for people. */
import { ConfigError, type CtqErrorOptions } from '../errors.js';

/**
 * - `unreachable`: nobody answers, or the connection broke
 * - `refused`: the server says no to us: password, permission, database number
 * - `failed`: the server says no for now: loading, out of memory, read-only
 * - `closed`: we closed the link ourselves
 */
export type RedisFailureKind = 'unreachable' | 'refused' | 'failed' | 'closed';

/** Why something went wrong, before it becomes a BrokerError or a ResultBackendError. */
export class RedisFailure extends Error {
  readonly kind: RedisFailureKind;
  readonly hint: string | undefined;
  /** True when the command may have been executed: it was sent, and no answer came. */
  readonly unanswered: boolean;

  constructor(kind: RedisFailureKind, reason: string, options: CtqErrorOptions & { readonly unanswered?: boolean } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RedisFailure';
    this.kind = kind;
    this.hint = options.hint;
    this.unanswered = options.unanswered ?? false;
  }
}

export function closedFailure(): RedisFailure {
  return new RedisFailure('closed', 'the connection was closed by ourselves');
}

export function noAnswerWithin(limitMs: number): RedisFailure {
  return new RedisFailure('unreachable', `no answer within ${Math.round(limitMs / 100) / 10} s`);
}

/** An error that the server sent, as opposed to one of the network; the class itself is not among the driver's types. */
export function isServerReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Sorts what drivers and servers say into four kinds, in words for people. */
export function toFailure(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  if (error instanceof ConfigError)
    return new RedisFailure('refused', error.message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) });
  const cause: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const words = code === undefined ? undefined : NETWORK_WORDS.get(code);
  if (words !== undefined) return new RedisFailure('unreachable', words, { cause: error });
  for (const [pattern, kind, reason, hint] of SERVER_WORDS) {
    if (pattern.test(message)) return new RedisFailure(kind, reason ?? message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
  return new RedisFailure(isServerReply(cause) ? 'failed' : 'unreachable', message, { cause: error });
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

const SERVER_WORDS: readonly (readonly [RegExp, RedisFailureKind, string | undefined, string | undefined])[] = [
  [/WRONGPASS|invalid password|invalid username-password/, 'refused', 'wrong user name or password', 'check the credentials in the URL'],
  [
    /NOAUTH|Authentication required|AUTH <password> called without/,
    'refused',
    'the server wants a password',
    'write the URL as redis://:password@host',
  ],
  [/NOPERM|The user executing the script can't run/, 'refused', undefined, 'the Redis user lacks a permission'],
  [/DB index is out of range|invalid DB index/, 'refused', 'the server has no database of that number', 'see "databases" in redis.conf'],
  [/DENIED|protected mode/, 'refused', 'the server runs in protected mode', undefined],
  [/max number of clients/, 'unreachable', 'the server has no connection left', 'see "maxclients" in redis.conf'],
  [/READONLY/, 'failed', 'the server is a read-only replica', 'point the URL at the master, or use sentinel://'],
  [
    /CROSSSLOT|do not hash to the same slot|non local key/,
    'failed',
    'the server is part of a cluster, and keeps these keys in different places',
    'set the transport option global_keyprefix to one in braces, "{app}:"',
  ],
  [/^MOVED /, 'failed', 'another node of the cluster has these keys', 'name the node that has them'],
  [/LOADING/, 'failed', 'the server is loading its data', undefined],
  [/OOM /, 'failed', 'the server is out of memory', 'see "maxmemory" in redis.conf'],
  [/MASTERDOWN/, 'failed', 'the server has lost its master', undefined],
  [/MISCONF/, 'failed', 'the server cannot write to its disk', undefined],
  [/All sentinels are unreachable/, 'unreachable', 'no sentinel knows the master', 'check the addresses and master_name'],
];
