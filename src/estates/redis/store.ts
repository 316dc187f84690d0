/** What every desk of a Redis estate works with: the connection, the names of the keys, and how trouble is told. */
import type { RedisLayout } from '../../brokers/redis/keys.js';
import type { RedisLink } from '../../connections/redis/link.js';
import type { RedisConnection } from '../../connections/redis.js';
import type { RedisResultKeys } from '../../result-backends/redis/keys.js';

export interface RedisStore {
  readonly link: RedisLink;
  readonly layout: RedisLayout;
  readonly resultKeys: RedisResultKeys;
  /** Runs `action` with a connection; what goes wrong becomes a BrokerError that names the server. Reads only: it may run twice. */
  read<T>(this: void, action: (connection: RedisConnection) => Promise<T>): Promise<T>;
  /** The same for what changes something: never runs twice. */
  write<T>(this: void, action: (connection: RedisConnection) => Promise<T>): Promise<T>;
}
