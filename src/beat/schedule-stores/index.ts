/** Which store serves the beats on which broker: a new one is one line here. */
import type { BrokerOptions } from '../../broker.js';
import { redisSchemes, SchemeTable, schemeOf } from '../../connections/schemes.js';
import type { ScheduleStore, ScheduleStoreOptions } from '../schedule-store.js';

interface Engine {
  open(url: string, broker: BrokerOptions, options: ScheduleStoreOptions): Promise<ScheduleStore>;
  /** The apps that have entries there, by name. */
  scopes(url: string, broker: BrokerOptions): Promise<readonly string[]>;
}

const redis: Engine = {
  open: async (...args) => new (await import('./redis/store.js')).RedisScheduleStore(...args),
  scopes: async (...args) => (await import('./redis/scopes.js')).redisScopes(...args),
};
const sqlite: Engine = {
  open: async (...args) => new (await import('./sqlite/store.js')).SqliteScheduleStore(...args),
  scopes: async (...args) => (await import('./sqlite/scopes.js')).sqliteScopes(...args),
};

const engines = new SchemeTable<Engine>([
  [['sqlite'], sqlite],
  [redisSchemes, redis],
]);

/**
 * Opens the store of a broker that has one, without connecting yet; undefined for a broker that has none.
 *
 * @throws ConfigError when the URL cannot be read.
 */
export async function openScheduleStore(
  url: string,
  broker: BrokerOptions,
  options: ScheduleStoreOptions,
): Promise<ScheduleStore | undefined> {
  return engines.find(schemeOf(url))?.open(url, broker, options);
}

/** The apps whose schedules stand at a broker; undefined for a broker that keeps none. */
export async function scheduleScopes(url: string, broker: BrokerOptions): Promise<readonly string[] | undefined> {
  return engines.find(schemeOf(url))?.scopes(url, broker);
}
