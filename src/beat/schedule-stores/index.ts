/** Which store serves the beats on which broker: a new one is one line here. */
import type { BrokerOptions } from '../../broker.js';
import { redisSchemes, SchemeTable, schemeOf } from '../../connections/schemes.js';
import type { ScheduleStore, ScheduleStoreOptions } from '../schedule-store.js';

type StoreLoader = (url: string, broker: BrokerOptions, options: ScheduleStoreOptions) => Promise<ScheduleStore>;

const redis: StoreLoader = async (...args) => new (await import('./redis/store.js')).RedisScheduleStore(...args);
const sqlite: StoreLoader = async (...args) => new (await import('./sqlite/store.js')).SqliteScheduleStore(...args);

const loaders = new SchemeTable<StoreLoader>([
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
  return loaders.find(schemeOf(url))?.(url, broker, options);
}
