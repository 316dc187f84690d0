/** A place for messages and results of a fault test's own: a Redis server, or a file. */
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { tmpFolder } from '../../support/tmp.js';

export type Engine = 'redis' | 'sqlite';

export interface Estate {
  readonly url: string;
  /** The server, where it is one. */
  readonly redis: RedisServer | undefined;
  /** How many messages lie among the dead letters of the default queue. */
  deadLetters(): Promise<number>;
  close(): Promise<void>;
}

export async function openEstate(engine: Engine): Promise<Estate> {
  if (engine === 'sqlite') {
    const url = `sqlite://${tmpFolder()}/ctq.db`;
    return { url, redis: undefined, deadLetters: () => Promise.reject(new Error('ask Redis')), close: async () => {} };
  }
  const server = await startRedis();
  return {
    url: server.url,
    redis: server,
    deadLetters: async () => Number(await server.command('LLEN', 'ctq:dead:celery')),
    close: () => server.stop(),
  };
}
