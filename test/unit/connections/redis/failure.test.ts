import { describe, expect, it } from 'vitest';
import { RedisFailure, toRedisFailure } from '../../../../src/connections/redis/failure.js';

function reply(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

function network(code: string): Error {
  return Object.assign(new Error(`connect ${code} 127.0.0.1:1`), { code });
}

describe('toRedisFailure', () => {
  it.each([
    ["NOPERM this user has no permissions to run the 'config|get' command", '+config|get'],
    ['NOPERM this user has no permissions to access one of the keys used as arguments', '~<pattern of our keys>'],
    ['NOPERM this user has no permissions to access one of the channels used as arguments', '&<pattern of our channels>'],
  ])('says what gives the permission that is missing: %s', (words, rule) => {
    expect(toRedisFailure(reply(words)).hint).toBe(`the Redis user lacks a permission: ACL SETUSER <user> ${rule}`);
  });

  it.each([
    [network('ECONNREFUSED'), 'unreachable', 'connection refused'],
    [network('ENOTFOUND'), 'unreachable', 'host not found'],
    [network('SELF_SIGNED_CERT_IN_CHAIN'), 'refused', /^TLS: /],
    [new AggregateError([network('ECONNREFUSED'), network('ENETUNREACH')]), 'unreachable', 'connection refused'],
    [new Error('Connection is closed.'), 'unreachable', 'the connection was closed'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'unreachable', 'the connection was closed'],
    [reply('WRONGPASS invalid username-password pair or user is disabled.'), 'refused', 'wrong user name or password'],
    [reply('NOAUTH Authentication required.'), 'refused', 'the server wants a password'],
    [reply("NOPERM this user has no permissions to run the 'evalsha' command"), 'refused', /no permissions/],
    [reply('ERR DB index is out of range'), 'refused', /no database of that number/],
    [reply('LOADING Redis is loading the dataset in memory'), 'failed', 'the server is loading its data'],
    [reply("READONLY You can't write against a read only replica. script: abc, on @user_script:1."), 'failed', /read-only replica/],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'failed', 'the server is out of memory'],
    [reply("CROSSSLOT Keys in request don't hash to the same slot"), 'failed', /part of a cluster/],
    [reply('MOVED 3999 127.0.0.1:6381'), 'failed', /another node of the cluster/],
    [reply('WRONGTYPE Operation against a key holding the wrong kind of value'), 'failed', /WRONGTYPE/],
  ])('sorts %s', (error, kind, reason) => {
    const failure = toRedisFailure(error);
    expect(failure).toBeInstanceOf(RedisFailure);
    expect(failure.kind).toBe(kind);
    if (typeof reason === 'string') expect(failure.message).toBe(reason);
    else expect(failure.message).toMatch(reason);
    expect(failure.cause).toBe(error);
  });

  it('leaves a failure as it is', () => {
    const failure = new RedisFailure('closed', 'gone');
    expect(toRedisFailure(failure)).toBe(failure);
  });
});
