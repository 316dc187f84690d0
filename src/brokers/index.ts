/** Which engine serves which URL: a new broker is one line here. */
import type { Broker, BrokerOptions } from '../broker.js';
import { amqpSchemes, redisSchemes, SchemeTable } from '../connections/schemes.js';

type BrokerLoader = (url: string, options: BrokerOptions) => Promise<Broker>;

const redis: BrokerLoader = async (url, options) => (await import('./redis/broker.js')).openRedisBroker(url, options);
const amqp: BrokerLoader = async (url, options) => (await import('./amqp/broker.js')).openAmqpBroker(url, options);
const sqlite: BrokerLoader = async (url, options) => (await import('./sqlite/broker.js')).openSqliteBroker(url, options);
const memory: BrokerLoader = async (url, options) => (await import('./memory/broker.js')).openMemoryBroker(url, options);

const loaders = new SchemeTable<BrokerLoader>([
  [['memory'], memory],
  [['sqlite'], sqlite],
  [redisSchemes, redis],
  [amqpSchemes, amqp],
]);

/**
 * Opens a broker without connecting yet: the first call, or a consumer, does.
 *
 * @throws ConfigError when the URL cannot be read or its scheme is not known.
 */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  return loaders.get(url, 'broker')(url, options);
}
