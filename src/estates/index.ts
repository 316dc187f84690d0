/** Which engine's estates can be looked at: a new one is one line here. */
import { parseAmqpUrl } from '../connections/amqp/url.js';
import { parseRedisUrl } from '../connections/redis/url.js';
import { amqpSchemes, redisSchemes, SchemeTable, schemeOf } from '../connections/schemes.js';
import { parseSqliteUrl } from '../connections/sqlite/url.js';
import { ConfigError } from '../errors.js';
import type { Estate, EstateOptions } from '../estate/estate.js';

type EstateLoader = (url: string, options: EstateOptions) => Promise<Estate>;

const redis: EstateLoader = async (url, options) => (await import('./redis/estate.js')).openRedisEstate(url, options);
const sqlite: EstateLoader = async (url, options) => (await import('./sqlite/estate.js')).openSqliteEstate(url, options);
const amqp: EstateLoader = async (url, options) => (await import('./amqp/estate.js')).openAmqpEstate(url, options);

const loaders = new SchemeTable<EstateLoader>([
  [['sqlite'], sqlite],
  [redisSchemes, redis],
  [amqpSchemes, amqp],
]);

/** Whether what this URL names can be looked into. */
export function isEstate(url: string): boolean {
  return loaders.find(schemeOf(url)) !== undefined;
}

/**
 * Whether two URLs surely mean the same place, however they are written: `redis://localhost` and
 * `redis://127.0.0.1:6379/0` do.
 */
export function isSamePlace(url: string, other: string, options: Pick<EstateOptions, 'transportOptions'>): boolean {
  if (url === other) return true;
  const [place, otherPlace] = [url, other].map((one) => placeOf(one, options));
  return place !== undefined && place === otherPlace;
}

/**
 * The same text for URLs that surely mean the same place; undefined for what cannot be looked into.
 *
 * @throws ConfigError for a URL that cannot be read.
 */
export function placeOf(url: string, { transportOptions }: Pick<EstateOptions, 'transportOptions'>): string | undefined {
  if (!isEstate(url)) return undefined;
  if (amqpSchemes.includes(schemeOf(url)))
    return parseAmqpUrl(url, { transportOptions })
      .map(({ identity }) => identity)
      .join(' ');
  if (schemeOf(url) === 'sqlite') return `sqlite ${parseSqliteUrl(url).path}`;
  return parseRedisUrl(url, { transportOptions })
    .map(({ identity }) => identity)
    .join(' ');
}

/**
 * Opens an estate without connecting yet: the first call does.
 *
 * @throws ConfigError when the URL cannot be read, or nobody can look into what it names from outside.
 */
export async function openEstate(url: string, options: EstateOptions): Promise<Estate> {
  const scheme = schemeOf(url);
  const load = loaders.find(scheme);
  if (load === undefined) {
    throw new ConfigError(`nobody can look into ${scheme === '' ? 'a URL without a scheme' : `${scheme}://`}`, {
      hint: schemeHint(url, scheme),
    });
  }
  return load(url, options);
}

function schemeHint(url: string, scheme: string): string {
  const suggestion = loaders.suggestion(scheme);
  if (suggestion !== undefined) return suggestion;
  // A host alone, or as browsers write it.
  const host = /^(?:https?:\/\/)?([\w.-]+(?::\d+)?)(?::\/\/|\/)?$/i.exec(url)?.[1];
  return `this works on ${loaders.schemes.join(', ')}${host === undefined || scheme === 'memory' ? '' : `; did you mean redis://${host}?`}`;
}
