/**
 * What a Redis URL means, in every form that kombu and Celery's backend know (WIRE 6.9), and the
 * same URL without its secrets. Pure: files named by `ssl_ca_certs` and its like are read when the
 * connection is made.
 */
import { maskUrl } from '../../config/masking.js';
import { isTlsOption } from '../../config/tls-options.js';
import { ConfigError } from '../../errors.js';
import { isRecord } from '../../protocol/record.js';
import { schemeOf } from '../schemes.js';

export interface RedisAddress {
  readonly endpoint: RedisEndpoint;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: RedisTls | undefined;
  /** The URL as written, with `**` for its secrets. */
  readonly displayUrl: string;
  /** Equal for two addresses that surely mean the same database of the same server. */
  readonly identity: string;
}

export type RedisEndpoint =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'sentinel';
      readonly nodes: readonly { readonly host: string; readonly port: number }[];
      readonly masterName: string;
      /** What the sentinels themselves want: kombu's `sentinel_kwargs`. */
      readonly username: string | undefined;
      readonly password: string | undefined;
      readonly tls: RedisTls | undefined;
    };

export interface RedisTls {
  /** Python's `ssl_cert_reqs`; a server's certificate is checked unless this says otherwise. */
  readonly verify: 'required' | 'optional' | 'none';
  readonly checkHostname: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

export interface RedisUrlOptions {
  /** `broker_transport_options` or `result_backend_transport_options`. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** `broker_use_ssl`, `redis_backend_use_ssl`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
}

interface UrlParts {
  readonly scheme: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

/** Connection parameters of redis-py and kombu that may stand in a URL and have no meaning of their own here. */
const IGNORED_PARAMETERS = new Set([
  'connect_timeout',
  'heartbeat',
  'login_method',
  'credential_provider',
  'socket_timeout',
  'socket_connect_timeout',
  'socket_keepalive',
  'retry_on_timeout',
  'health_check_interval',
  'max_connections',
  'client_name',
  'protocol',
  'decode_responses',
]);
const KNOWN_PARAMETERS = new Set(['virtual_host', 'db', 'username', 'password', 'ssl']);

/**
 * Reads one URL, or several with `;` between them that are tried in turn.
 *
 * @throws ConfigError when a part cannot be read.
 */
export function parseRedisUrl(url: string, options: RedisUrlOptions): readonly RedisAddress[] {
  const parts = url
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const [first] = parts;
  if (first === undefined) throw new ConfigError('the Redis URL is empty', { hint: 'write it as redis://host:6379/0' });
  if (schemeOf(first) === 'sentinel') return [sentinelAddress(url, parts, options)];
  return parts.map((part) => plainAddress(part, options));
}

function plainAddress(url: string, options: RedisUrlOptions): RedisAddress {
  const parts = splitUrl(url);
  const credentials = credentialsOf(parts);
  if (parts.scheme === 'redis+socket' || parts.scheme === 'socket') {
    if (parts.path === '' || parts.path === '/') {
      throw new ConfigError(`${maskUrl(url)} names no socket file`, {
        hint: 'write it as redis+socket:///path/to/redis.sock?virtual_host=0',
      });
    }
    const db = databaseNumber(parts.query.get('virtual_host') ?? parts.query.get('db') ?? '', url);
    const path = decode(parts.path, url);
    return {
      endpoint: { kind: 'socket', path },
      db,
      ...credentials,
      tls: undefined,
      displayUrl: maskUrl(url),
      identity: `socket ${path} ${db}`,
    };
  }
  const host = parts.host === '' ? '127.0.0.1' : parts.host;
  const port = parts.port ?? 6379;
  const db = databaseNumber(parts.query.get('virtual_host') ?? parts.query.get('db') ?? decode(parts.path, url), url);
  return {
    endpoint: { kind: 'tcp', host, port },
    db,
    ...credentials,
    tls: tlsOf(parts, options, url),
    displayUrl: maskUrl(url),
    identity: `tcp ${host === 'localhost' ? '127.0.0.1' : host.toLowerCase()} ${port} ${db}`,
  };
}

/** `sentinel://h1:26379;sentinel://h2:26379/0`: database and password may stand on any of the nodes. */
function sentinelAddress(url: string, nodeUrls: readonly string[], options: RedisUrlOptions): RedisAddress {
  const parts = nodeUrls.map((nodeUrl) => splitUrl(schemeOf(nodeUrl) === '' ? `sentinel://${nodeUrl}` : nodeUrl));
  const masterName = options.transportOptions['master_name'];
  if (typeof masterName !== 'string' || masterName === '') {
    throw new ConfigError(`${maskUrl(url)} does not say which master is meant`, {
      hint: 'give the transport options a master_name, e.g. { master_name: "mymaster" }',
    });
  }
  const nodes = parts.map((part) => ({ host: part.host === '' ? '127.0.0.1' : part.host, port: part.port ?? 26379 }));
  const withPath = parts.find((part) => part.path.replaceAll('/', '') !== '');
  const withPassword = parts.map(credentialsOf).find((credentials) => credentials.password !== undefined);
  const db = databaseNumber(withPath?.path ?? '', url);
  const given = options.transportOptions['sentinel_kwargs'];
  const sentinelOptions = isRecord(given) ? given : {};
  const [first] = parts;
  return {
    endpoint: {
      kind: 'sentinel',
      nodes,
      masterName,
      username: textIn(sentinelOptions, 'username'),
      password: textIn(sentinelOptions, 'password'),
      tls: sentinelOptions['ssl'] === true ? tlsFrom((key) => sentinelOptions[key], url) : undefined,
    },
    db,
    username: withPassword?.username,
    password: withPassword?.password,
    tls: first === undefined ? undefined : tlsOf(first, options, url),
    displayUrl: maskUrl(url),
    identity: `sentinel ${nodes
      .map((node) => `${node.host}:${node.port}`)
      .sort()
      .join(',')} ${masterName} ${db}`,
  };
}

function splitUrl(url: string): UrlParts {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)(\/[^?]*)?(?:\?(.*))?$/i.exec(url);
  const scheme = (match?.[1] ?? '').toLowerCase();
  // What stands before that @ is the rest of a password, and must not be printed as a database.
  if (/^\/[^?]*@/.test(match?.[3] ?? '') && !scheme.endsWith('socket')) {
    throw new ConfigError(`${maskUrl(url)} has a / in its user name or password`, { hint: 'write it as %2F' });
  }
  const authority = match?.[2] ?? '';
  // The last @ counts: people put passwords with an @ into URLs without encoding it.
  const at = authority.lastIndexOf('@');
  const credentials = at === -1 ? undefined : authority.slice(0, at);
  const address = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(authority.slice(at + 1));
  if (match === null || address === null) {
    throw new ConfigError(`${maskUrl(url)} is no Redis URL`, { hint: 'write it as redis://[user:password@]host[:6379][/db]' });
  }
  const port = address[2] === undefined || address[2] === '' ? undefined : Number(address[2]);
  if (port !== undefined && (port < 1 || port > 65535)) {
    throw new ConfigError(`${maskUrl(url)} has no valid port`, { hint: 'ports are 1 to 65535' });
  }
  const colon = credentials?.indexOf(':') ?? -1;
  const username = credentials === undefined ? undefined : colon === -1 ? credentials : credentials.slice(0, colon);
  const password = credentials === undefined || colon === -1 ? undefined : credentials.slice(colon + 1);
  return {
    scheme,
    username: username === undefined || username === '' ? undefined : decode(username, url),
    password: password === undefined || password === '' ? undefined : decode(password, url),
    host: (address[1] ?? '').replace(/^\[|\]$/g, ''),
    port,
    path: match[3] ?? '',
    query: queryOf(match[4] ?? '', url),
  };
}

function queryOf(text: string, url: string): ReadonlyMap<string, string> {
  const query = new Map(new URLSearchParams(text));
  for (const key of query.keys()) {
    if (KNOWN_PARAMETERS.has(key) || IGNORED_PARAMETERS.has(key) || (key.startsWith('ssl_') && isTlsOption(key))) continue;
    throw new ConfigError(`${maskUrl(url)} has an unknown parameter ${key}`, {
      hint: 'such options belong into broker_transport_options or result_backend_transport_options',
    });
  }
  return query;
}

/** In a URL with only one word before the @, redis-py and kombu take the word as user name; a password has a colon before it. */
function credentialsOf(parts: UrlParts): { readonly username: string | undefined; readonly password: string | undefined } {
  return { username: parts.username ?? parts.query.get('username'), password: parts.password ?? parts.query.get('password') };
}

function databaseNumber(text: string, url: string): number {
  const digits = text.replace(/^\/+|\/+$/g, '');
  if (digits === '') return 0;
  if (!/^[0-9]{1,9}$/.test(digits)) {
    throw new ConfigError(`${maskUrl(url)} names the database ${JSON.stringify(digits)}, and Redis has numbers for them`, {
      hint: 'write redis://host:6379/0',
    });
  }
  return Number(digits);
}

function tlsOf(parts: UrlParts, options: RedisUrlOptions, url: string): RedisTls | undefined {
  const fromQuery = [...parts.query.keys()].filter((key) => key.startsWith('ssl'));
  const wanted = parts.scheme === 'rediss' || (options.ssl !== undefined && options.ssl !== false);
  if (!wanted) {
    if (fromQuery.length === 0) return undefined;
    throw new ConfigError(`${maskUrl(url)} has ${fromQuery[0]} but is not encrypted`, { hint: 'use rediss:// for TLS' });
  }
  const settings = typeof options.ssl === 'object' ? options.ssl : {};
  return tlsFrom((key) => parts.query.get(key) ?? settings[key] ?? settings[key.replace(/^ssl_/, '')], url);
}

function tlsFrom(value: (key: string) => unknown, url: string): RedisTls {
  const path = (key: string): string | undefined => textIn({ path: value(key) }, 'path');
  return {
    verify: certificateRequirement(value('ssl_cert_reqs'), url),
    checkHostname: !['0', 'false', 'no'].includes(plain(value('ssl_check_hostname') ?? true).toLowerCase()),
    caFile: path('ssl_ca_certs'),
    certFile: path('ssl_certfile'),
    keyFile: path('ssl_keyfile'),
  };
}

/** Python's `ssl.CERT_*`: as a word, as the constant's name, or as its number. */
function certificateRequirement(value: unknown, url: string): RedisTls['verify'] {
  if (value === undefined || value === null) return 'required';
  switch (plain(value).toLowerCase()) {
    case 'required':
    case 'cert_required':
    case '2':
      return 'required';
    case 'optional':
    case 'cert_optional':
    case '1':
      return 'optional';
    case 'none':
    case 'cert_none':
    case '0':
      return 'none';
    default:
      throw new ConfigError(`${maskUrl(url)}: ssl_cert_reqs cannot be ${plain(value)}`, { hint: 'use required, optional or none' });
  }
}

/** A setting may be text, number or truth value; anything else is shown as it is. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function textIn(record: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = record[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function decode(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(`${maskUrl(url)} has a stray % sign`, { hint: 'write a literal % as %25' });
  }
}
