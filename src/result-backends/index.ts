/** Which engine keeps results for which URL: a new backend is one line here. */
import { redisSchemes, SchemeTable, schemeOf } from '../connections/schemes.js';
import type { ResultBackend, ResultBackendOptions } from '../result-backend.js';

type ResultBackendLoader = (url: string, options: ResultBackendOptions) => Promise<ResultBackend>;

const redis: ResultBackendLoader = async (url, options) => (await import('./redis.js')).openRedisResultBackend(url, options);
const sqlite: ResultBackendLoader = async (url, options) => (await import('./sqlite.js')).openSqliteResultBackend(url, options);
const memory: ResultBackendLoader = async (url, options) => (await import('./memory.js')).openMemoryResultBackend(url, options);
const sql: ResultBackendLoader = async (url, options) => (await import('./sql.js')).openSqlResultBackend(url, options);
const memcached: ResultBackendLoader = async (url, options) => (await import('./memcached.js')).openMemcachedResultBackend(url, options);
const disabled: ResultBackendLoader = async (url, options) => (await import('./disabled.js')).openDisabledResultBackend(url, options);
const rpc: ResultBackendLoader = async (url, options) => (await import('./rpc.js')).openRpcResultBackend(url, options);

const loaders = new SchemeTable<ResultBackendLoader>([
  [['disabled'], disabled],
  [['memory'], memory],
  [['rpc'], rpc],
  [['sqlite'], sqlite],
  [redisSchemes, redis],
  [['cache+memcached', 'cache+pylibmc'], memcached],
  [['db+sqlite', 'db+postgresql', 'db+mysql', 'db+mariadb'], sql],
]);

/**
 * Opens a result backend without connecting yet: the first call does.
 *
 * @throws ConfigError when the URL cannot be read or its scheme is not known.
 */
export async function openResultBackend(url: string, options: ResultBackendOptions): Promise<ResultBackend> {
  // The driver that Python takes for a database is nothing to us: db+mysql+pymysql.
  const load = loaders.find(schemeOf(url).replace(/^(db\+[a-z]+)\+.*/, '$1')) ?? loaders.get(url, 'result backend');
  return load(url, options);
}
