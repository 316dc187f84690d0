/**
 * What an AMQP URL means, in the forms that kombu knows (WIRE 6.9): `amqp`, `pyamqp` and `librabbitmq`
 * are one transport here, `amqps` is the same over TLS. Pure: files that TLS names are read when the
 * connection is made.
 */
import { maskUrl } from '../../config/masking.js';
import { TLS_OPTIONS, tlsOption } from '../../config/tls-options.js';
import { ConfigError } from '../../errors.js';
import { amqpSchemes, schemeOf } from '../schemes.js';

export interface AmqpAddress {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** EXTERNAL says who we are by the certificate. */
  readonly loginMethod: 'PLAIN' | 'AMQPLAIN' | 'EXTERNAL';
  /** Seconds between signs of life that both ends owe each other; 0 none. */
  readonly heartbeatS: number;
  /** Whether somebody wants just these seconds. */
  readonly heartbeatFrom: 'a setting' | 'default';
  readonly tls: AmqpTls | undefined;
  /** The URL as written, with `**` for its secrets. */
  readonly displayUrl: string;
  /** Equal for two addresses that surely mean the same virtual host of the same server. */
  readonly identity: string;
}

export interface AmqpTls {
  readonly verify: 'required' | 'none';
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Whether the certificate must be one for this host. */
  readonly checkHostname: boolean;
  /** For SNI and the certificate's name, when it is not the host's. */
  readonly serverName: string | undefined;
}

export interface AmqpUrlOptions {
  /** `broker_transport_options`. */
  readonly transportOptions: Readonly<Record<string, unknown>>;
  /** `broker_use_ssl`. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>>;
  /** `broker_heartbeat`. */
  readonly heartbeatS?: number | null;
  /** `broker_login_method`. */
  readonly loginMethod?: string | null;
}

/** What a server proposes by itself, and Celery's 120 comes down to. */
const DEFAULT_HEARTBEAT_S = 60;
/** The default of `broker_heartbeat`, which nobody has to have written. */
const CELERYS_HEARTBEAT_S = 120;
/** A server that hears nothing closes after two to three of these: within the 15 s of RELIABILITY M8. */
const ATTENTIVE_HEARTBEAT_S = 4;
/** What may stand behind the `?`: kombu's names, and those of other clients that change nothing here. */
const PARAMETERS = new Set([
  ...['heartbeat', 'login_method', 'ssl', ...TLS_OPTIONS, ...TLS_OPTIONS.map((name) => `ssl_${name}`)],
  ...['connect_timeout', 'connection_timeout', 'channel_max', 'frame_max', 'locale', 'name'],
]);
const LOGIN_METHODS = ['PLAIN', 'AMQPLAIN', 'EXTERNAL'] as const;

/**
 * Reads one URL, or several with `;` between them that are tried in turn; as in kombu, those behind the
 * first may leave the scheme out.
 *
 * @throws ConfigError when a part cannot be read.
 */
export function parseAmqpUrl(url: string, options: AmqpUrlOptions): readonly AmqpAddress[] {
  const parts = url
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const [first] = parts;
  if (first === undefined) throw new ConfigError('the AMQP URL is empty', { hint: 'write it as amqp://user:password@host:5672/vhost' });
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(first)?.[0] ?? 'amqp://';
  return parts.map((part) => readAddress(schemeOf(part) === '' ? scheme + part : part, options));
}

/** For a program that never computes for long: the server may take its silence for its end soon, unless a setting says otherwise. */
export function attentive(address: AmqpAddress): AmqpAddress {
  return address.heartbeatFrom === 'default' ? { ...address, heartbeatS: ATTENTIVE_HEARTBEAT_S } : address;
}

function readAddress(url: string, options: AmqpUrlOptions): AmqpAddress {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?]*)@)?(\[[^\]]*\]|[^:/?#@]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  const scheme = match?.[1]?.toLowerCase() ?? '';
  if (match === null || !amqpSchemes.includes(scheme)) {
    throw new ConfigError(`cannot read the AMQP URL ${maskUrl(url)}`, { hint: 'write it as amqp://user:password@host:5672/vhost' });
  }
  const [, , userInfo = '', hostText = '', portText = '', vhostText = '', queryText = ''] = match;
  const query = queryOf(queryText, url);
  const read = (key: string): unknown => query.get(key) ?? options.transportOptions[key];
  const [username, password] = credentials(userInfo, url);
  const host = hostText === '' ? 'localhost' : hostText.replace(/^\[|\]$/g, '');
  const tls = tlsOf(scheme, query, options, url);
  const port = portText === '' ? (tls === undefined ? 5672 : 5671) : Number(portText);
  if (port < 1 || port > 65_535) throw new ConfigError(`${maskUrl(url)}: there is no port ${portText}`);
  const vhost = virtualHost(decode(vhostText, url));
  const asked = query.get('heartbeat') ?? (options.heartbeatS === CELERYS_HEARTBEAT_S ? undefined : options.heartbeatS) ?? undefined;
  return {
    host,
    port,
    vhost,
    username,
    password,
    loginMethod: loginMethod(read('login_method') ?? options.loginMethod ?? 'PLAIN', url),
    heartbeatS: heartbeat(asked ?? DEFAULT_HEARTBEAT_S, url),
    heartbeatFrom: asked === undefined ? 'default' : 'a setting',
    tls,
    displayUrl: maskUrl(url),
    identity: `amqp ${host === 'localhost' ? '127.0.0.1' : host.toLowerCase()}:${port} ${vhost}`,
  };
}

function queryOf(text: string, url: string): ReadonlyMap<string, string> {
  const query = new Map(new URLSearchParams(text));
  for (const key of query.keys()) {
    if (PARAMETERS.has(key)) continue;
    throw new ConfigError(`${maskUrl(url)} has an unknown parameter ${key}`, {
      hint: `known are heartbeat, login_method, ssl, ${TLS_OPTIONS.join(', ')}; other options belong into broker_transport_options`,
    });
  }
  return query;
}

function credentials(userInfo: string, url: string): readonly [string, string] {
  if (userInfo === '') return ['guest', 'guest'];
  const colon = userInfo.indexOf(':');
  const user = colon === -1 ? userInfo : userInfo.slice(0, colon);
  return [user === '' ? 'guest' : decode(user, url), colon === -1 ? 'guest' : decode(userInfo.slice(colon + 1), url)];
}

/** kombu: nothing and `/` are the virtual host `/`, and so is the `//` at the end of Celery's example URLs. */
function virtualHost(text: string): string {
  return text === '' ? '/' : text;
}

function decode(text: string, url: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(`${maskUrl(url)}: a % stands before no two hexadecimal digits`, { hint: 'write a % itself as %25' });
  }
}

function heartbeat(value: unknown, url: string): number {
  const seconds = Number(value);
  if (!Number.isFinite(seconds) || seconds < 0) {
    throw new ConfigError(`${maskUrl(url)}: heartbeat cannot be ${String(value)}`, { hint: 'give seconds, 0 for none' });
  }
  return Math.min(Math.round(seconds), 65_535);
}

function loginMethod(value: unknown, url: string): AmqpAddress['loginMethod'] {
  const method = LOGIN_METHODS.find((one) => one === String(value).toUpperCase());
  if (method === undefined) {
    throw new ConfigError(`${maskUrl(url)}: login_method cannot be ${String(value)}`, { hint: `use one of ${LOGIN_METHODS.join(', ')}` });
  }
  return method;
}

function tlsOf(scheme: string, query: ReadonlyMap<string, string>, { ssl }: AmqpUrlOptions, url: string): AmqpTls | undefined {
  const inQuery = query.get('ssl')?.toLowerCase();
  const wanted = scheme === 'amqps' || (ssl !== undefined && ssl !== false) || inQuery === 'true' || inQuery === '1';
  const inUrl = Object.fromEntries(query);
  if (!wanted) {
    const useless = TLS_OPTIONS.find((name) => tlsOption(inUrl, name) !== undefined);
    if (useless === undefined) return undefined;
    throw new ConfigError(`${maskUrl(url)} has ${useless} but is not encrypted`, { hint: 'use amqps:// for TLS' });
  }
  const settings = typeof ssl === 'object' ? ssl : {};
  const value = (key: (typeof TLS_OPTIONS)[number]): unknown => tlsOption(inUrl, key) ?? tlsOption(settings, key);
  const text = (key: (typeof TLS_OPTIONS)[number]): string | undefined => {
    const given = value(key);
    return typeof given === 'string' && given !== '' ? given : undefined;
  };
  return {
    verify: certificateRequirement(value('cert_reqs'), url),
    caFile: text('ca_certs'),
    certFile: text('certfile'),
    keyFile: text('keyfile'),
    checkHostname: ![false, 0, 'false', '0', 'no'].includes((value('check_hostname') ?? true) as string),
    serverName: text('server_hostname'),
  };
}

/** Python's `ssl.CERT_*`, as a word, a name or a number; a client that only asks for a certificate gets one anyway. */
function certificateRequirement(value: unknown, url: string): AmqpTls['verify'] {
  switch (typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : 'required') {
    case 'required':
    case 'cert_required':
    case '2':
    case 'optional':
    case 'cert_optional':
    case '1':
      return 'required';
    case 'none':
    case 'cert_none':
    case '0':
      return 'none';
    default:
      throw new ConfigError(`${maskUrl(url)}: cert_reqs cannot be ${String(value)}`, { hint: 'use required, optional or none' });
  }
}
