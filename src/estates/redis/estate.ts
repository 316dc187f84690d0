/** An estate on Redis: kombu's and Celery's keys, and ours beside them (docs/wire/redis.md). */
import { redisLayout } from '../../brokers/redis/keys.js';
import { systemClock } from '../../clock.js';
import { brokerErrorSaying } from '../../connections/failure.js';
import { toRedisFailure } from '../../connections/redis/failure.js';
import type { RedisConnection } from '../../connections/redis.js';
import { RedisLink } from '../../connections/redis/link.js';
import { parseRedisUrl } from '../../connections/redis/url.js';
import { ConfigError, CtqError } from '../../errors.js';
import type { Estate, EstateOptions } from '../../estate/estate.js';
import { redisResultKeys } from '../../result-backends/redis/keys.js';
import { redisDeadLetterDesk } from './dead-letters/desk.js';
import { redisHealth, redisNeighbours } from './health.js';
import { redisKeyDesk } from './keys.js';
import { redisMessageDesk } from './messages.js';
import { redisQueueDesk } from './queues.js';
import type { RedisStore } from './store.js';
import { redisTaskDesk } from './tasks.js';

/** @throws ConfigError for a URL or a transport option that cannot be read. */
export function openRedisEstate(url: string, options: EstateOptions): Estate {
  const addresses = parseRedisUrl(url, options);
  const link = new RedisLink({ addresses, name: 'ctq desk', clock: systemClock, connectTimeoutMs: options.connectTimeoutMs });
  const doing =
    (what: string) =>
    async <T>(action: (connection: RedisConnection) => Promise<T>): Promise<T> => {
      try {
        return await action(await link.connection());
      } catch (error) {
        // What went wrong with the copy of a purge, say, is no trouble of the server's.
        if (error instanceof CtqError && !(error instanceof ConfigError)) throw error;
        const failure = toRedisFailure(error);
        throw brokerErrorSaying(`cannot ${what} ${link.displayUrl}: ${failure.message}`, failure);
      }
    };
  const store: RedisStore = {
    link,
    layout: redisLayout(options.transportOptions, addresses[0]?.db ?? 0),
    resultKeys: redisResultKeys(options.resultTransportOptions),
    read: doing('read from'),
    write: doing('change anything at'),
  };
  return {
    displayUrl: link.displayUrl,
    parts: options.parts,
    queues: redisQueueDesk(store),
    messages: redisMessageDesk(store),
    keys: redisKeyDesk(store),
    tasks: redisTaskDesk(store),
    deadLetters: redisDeadLetterDesk(store),
    health: () => redisHealth(store),
    neighbours: () => redisNeighbours(store, addresses[0]?.db ?? 0),
    close: () => link.close(),
  };
}
