/** Which engine keeps results for which URL: a new backend is one line here. */
import { ConfigError } from '../errors.js';
import type { ResultBackend, ResultBackendOptions } from '../result-backend.js';

type ResultBackendLoader = (url: string, options: ResultBackendOptions) => Promise<ResultBackend>;

const redis: ResultBackendLoader = async (url, options) => (await import('./redis.js')).openRedisResultBackend(url, options);
const sqlite: ResultBackendLoader = async (url, options) => (await import('./sqlite.js')).openSqliteResultBackend(url, options);
const memory: ResultBackendLoader = async (url, options) => (await import('./memory.js')).openMemoryResultBackend(url, options);
const sql: ResultBackendLoader = async (url, options) => (await import('./sql.js')).openSqlResultBackend(url, options);
const memcached: ResultBackendLoader = async (url, options) => (await import('./memcached.js')).openMemcachedResultBackend(url, options);
const disabled: ResultBackendLoader = async (url, options) => (await import('./disabled.js')).openDisabledResultBackend(url, options);

const rpc: ResultBackendLoader = async (url, options) => (await import('./rpc.js')).openRpcResultBackend(url, options);

const loaders: ReadonlyMap<string, ResultBackendLoader> = new Map([
  ['disabled', disabled],
  ['memory', memory],
  ['rpc', rpc],
  ['sqlite', sqlite],
  ['redis', redis],
  ['rediss', redis],
  ['redis+socket', redis],
  ['socket', redis],
  ['sentinel', redis],
  ['cache+memcached', memcached],
  ['cache+pylibmc', memcached],
  ['db+sqlite', sql],
  ['db+postgresql', sql],
  ['db+mysql', sql],
  ['db+mariadb', sql],
]);

/** The schemes that {@link openResultBackend} knows, for messages and completions. */
export const resultBackendSchemes: readonly string[] = [...loaders.keys()];

/**
 * Opens a result backend without connecting yet: the first call does.
 *
 * @throws ConfigError when the URL cannot be read or its scheme is not known.
 */
export async function openResultBackend(url: string, options: ResultBackendOptions): Promise<ResultBackend> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    throw new ConfigError('the result backend URL has no scheme', {
      hint: `write it as scheme://…, with one of ${resultBackendSchemes.join(', ')}`,
    });
  }
  // The driver that Python takes for a database is nothing to us: db+mysql+pymysql.
  const load = loaders.get(scheme) ?? loaders.get(scheme.replace(/^(db\+[a-z]+)\+.*/, '$1'));
  if (load === undefined) {
    throw new ConfigError(`no result backend for ${scheme}://`, { hint: `known schemes: ${resultBackendSchemes.join(', ')}` });
  }
  return load(url, options);
}
