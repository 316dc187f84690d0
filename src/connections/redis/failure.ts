/** Why Redis could not be used. */
import type { CtqErrorOptions } from '../../errors.js';
import { CLOSED, commonReason, ConnectionFailure, driverError, type FailureKind, isCertificateTrouble } from '../failure.js';

export class RedisFailure extends ConnectionFailure {
  readonly server = 'redis-server';
  /** True when the command may have been executed: it was sent, and no answer came. */
  readonly unanswered: boolean;

  constructor(kind: FailureKind, reason: string, options: CtqErrorOptions & { readonly unanswered?: boolean } = {}) {
    super(kind, reason, options);
    this.unanswered = options.unanswered ?? false;
  }
}

/** An error that the server sent, as opposed to one of the network; the class itself is not among the driver's types. */
export function isServerReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Sorts what the driver and the server say. */
export function toRedisFailure(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error;
  const said = driverError(error);
  const common = commonReason(error, said);
  if (common !== undefined) return new RedisFailure(...common);
  if (isCertificateTrouble(said)) {
    return new RedisFailure('refused', `TLS: ${said.message}`, { cause: error, hint: 'see ssl_ca_certs, ssl_certfile and ssl_cert_reqs' });
  }
  for (const [pattern, kind, reason, advice] of SERVER_WORDS) {
    if (pattern.test(said.message)) {
      const hint = typeof advice === 'function' ? advice(said.message) : advice;
      return new RedisFailure(kind, reason ?? said.message, { cause: error, ...(hint === undefined ? {} : { hint }) });
    }
  }
  return new RedisFailure(isServerReply(said.error) ? 'failed' : 'unreachable', said.message, { cause: error });
}

/** By what is missing, for ACL SETUSER has another form for each. */
function permissionHint(message: string): string {
  const lacks = 'the Redis user lacks a permission';
  const command = /run the '([\w|]+)' command/.exec(message)?.[1];
  if (command !== undefined) return `${lacks}: ACL SETUSER <user> +${command}`;
  if (/one of the keys|key name/.test(message)) return `${lacks}: ACL SETUSER <user> ~<pattern of our keys>`;
  return /channel/.test(message) ? `${lacks}: ACL SETUSER <user> &<pattern of our channels>` : lacks;
}

type Advice = string | ((message: string) => string) | undefined;

const SERVER_WORDS: readonly (readonly [RegExp, FailureKind, string | undefined, Advice])[] = [
  [/WRONGPASS|invalid password|invalid username-password/, 'refused', 'wrong user name or password', 'check the credentials in the URL'],
  [/AUTH <password> called without/, 'refused', 'the server has no password', 'leave it out of the URL: redis://host'],
  [/NOAUTH|Authentication required/, 'refused', 'the server wants a password', 'write the URL as redis://:password@host'],
  [/NOPERM|The user executing the script can't run/, 'refused', undefined, permissionHint],
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
  [
    /^MOVED /,
    'failed',
    'another node of the cluster has these keys',
    'name the node that has them; with a global_keyprefix in braces, "{app}:", one node has all',
  ],
  [/LOADING/, 'failed', 'the server is loading its data', undefined],
  [/OOM /, 'failed', 'the server is out of memory', 'see "maxmemory" in redis.conf'],
  [/MASTERDOWN/, 'failed', 'the server has lost its master', undefined],
  [/MISCONF/, 'failed', 'the server cannot write to its disk', undefined],
  // What the driver says of a connection that it knows to be gone.
  [/Stream isn't writeable|^Connection is closed/, 'unreachable', CLOSED, undefined],
  [/All sentinels are unreachable/, 'unreachable', 'no sentinel knows the master', 'check the addresses and master_name'],
];
