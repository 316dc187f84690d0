/** Which engine's estates can be looked at: a new one is one line here. */
import { closestName } from '../config/closest-name.js';
import { amqpSchemes, parseAmqpUrl } from '../connections/amqp-url.js';
import { parseRedisUrl } from '../connections/redis-url.js';
import { parseSqliteUrl } from '../connections/sqlite/url.js';
import { ConfigError } from '../errors.js';
import type { Estate, EstateOptions } from '../estate/estate.js';

type EstateLoader = (url: string, options: EstateOptions) => Promise<Estate>;

const redis: EstateLoader = async (url, options) => (await import('./redis/estate.js')).openRedisEstate(url, options);
const sqlite: EstateLoader = async (url, options) => (await import('./sqlite/estate.js')).openSqliteEstate(url, options);

const amqp: EstateLoader = async (url, options) => (await import('./amqp/estate.js')).openAmqpEstate(url, options);

const loaders: ReadonlyMap<string, EstateLoader> = new Map([
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

/** Whether what this URL names can be looked into. */
export function isEstate(url: string): boolean {
  return loaders.has(schemeOf(url));
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
  const load = loaders.get(scheme);
  if (load === undefined) {
    throw new ConfigError(`nobody can look into ${scheme === '' ? 'a URL without a scheme' : `${scheme}://`} from outside`, {
      hint: schemeHint(url, scheme),
    });
  }
  return load(url, options);
}

function schemeHint(url: string, scheme: string): string {
  const lookalike = closestName(scheme, loaders.keys());
  if (lookalike !== undefined) return `did you mean ${lookalike}://?`;
  // A host alone.
  const host = /^([\w.-]+(?::\d+)?)(?::\/\/)?$/.exec(url)?.[1];
  return `this works on ${[...loaders.keys()].join(', ')}${host === undefined || scheme === 'memory' ? '' : `; did you mean redis://${host}?`}`;
}

function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase() ?? '';
}
