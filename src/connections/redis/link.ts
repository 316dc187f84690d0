/** A link to Redis: see {@link Link}. */
import { Link, type LinkObserver, type LinkOptions } from '../link.js';
import { Connection, type RedisArgument, type RedisConnection, type RedisMessageListener, type RedisReply } from '../redis.js';
import { RedisFailure, toRedisFailure } from './failure.js';
import type { RedisScript } from './script.js';
import type { RedisAddress } from './url.js';

export interface RedisLinkObserver extends LinkObserver<RedisConnection, RedisFailure> {
  readonly message?: RedisMessageListener;
}

/** `connectTimeoutMs` is also the longest silence, when that is less than usual. */
export type RedisLinkOptions = LinkOptions<RedisAddress, RedisLinkObserver>;

export class RedisLink extends Link<RedisAddress, RedisConnection, RedisFailure> {
  constructor(options: RedisLinkOptions) {
    const { name, clock, observer } = options;
    const silenceLimitMs = Math.max(options.connectTimeoutMs, 100);
    super(options, {
      connect: (address, attemptLimitMs) =>
        Connection.open(address, {
          ...{ name, clock, attemptLimitMs, silenceLimitMs },
          ...(observer?.message === undefined ? {} : { onMessage: observer.message }),
        }),
      failure: (kind, reason) => new RedisFailure(kind, reason),
      toFailure: toRedisFailure,
    });
  }

  /** {@link ask}s with one command. */
  call(name: string, args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.ask((connection) => connection.call(name, args));
  }

  /** {@link ask}s with a script. */
  run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.ask((connection) => connection.run(script, keys, args));
  }
}
