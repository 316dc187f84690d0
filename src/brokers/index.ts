/** Which engine serves which URL: a new broker is one line here. */
import { closestName } from '../config/closest-name.js';
import type { Broker, BrokerOptions } from '../broker.js';
import { ConfigError } from '../errors.js';

type BrokerLoader = (url: string, options: BrokerOptions) => Promise<Broker>;

const redis: BrokerLoader = async (url, options) => (await import('./redis/broker.js')).openRedisBroker(url, options);
const amqp: BrokerLoader = async (url, options) => (await import('./amqp/broker.js')).openAmqpBroker(url, options);
const sqlite: BrokerLoader = async (url, options) => (await import('./sqlite/broker.js')).openSqliteBroker(url, options);
const memory: BrokerLoader = async (url, options) => (await import('./memory/broker.js')).openMemoryBroker(url, options);

const loaders: ReadonlyMap<string, BrokerLoader> = new Map([
  ['memory', memory],
  ['sqlite', sqlite],
  ['redis', redis],
  ['rediss', redis],
  ['redis+socket', redis],
  ['socket', redis],
  ['sentinel', redis],
  ['amqp', amqp],
  ['amqps', amqp],
  ['pyamqp', amqp],
  ['librabbitmq', amqp],
]);

/** The schemes that {@link openBroker} knows, for messages and completions. */
export const brokerSchemes: readonly string[] = [...loaders.keys()];

/**
 * Opens a broker without connecting yet: the first call, or a consumer, does.
 *
 * @throws ConfigError when the URL cannot be read or its scheme is not known.
 */
export async function openBroker(url: string, options: BrokerOptions): Promise<Broker> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new ConfigError('the broker URL has no scheme', { hint: `write it as scheme://…, with one of ${brokerSchemes.join(', ')}` });
  }
  const load = loaders.get(scheme);
  if (load === undefined) {
    const lookalike = closestName(scheme, brokerSchemes);
    const hint = lookalike === undefined ? `known schemes: ${brokerSchemes.join(', ')}` : `did you mean ${lookalike}://?`;
    throw new ConfigError(`no broker for ${scheme}://`, { hint });
  }
  return load(url, options);
}
