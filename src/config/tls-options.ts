/** `broker_use_ssl` and `redis_backend_use_ssl`: how a connection is encrypted, in kombu's names and in py-amqp's. */
import { ConfigError } from '../errors.js';
import { closestName } from './closest-name.js';
import { snakeCase } from './setting-names.js';
import { showValue } from './shown-value.js';

/** What ctq goes by. kombu's Redis transport writes them with `ssl_` before, py-amqp without; both are read for both. */
export const TLS_OPTIONS = ['cert_reqs', 'ca_certs', 'certfile', 'keyfile', 'check_hostname', 'server_hostname'] as const;

/** Of Python's ssl module and redis-py, with nothing that they could change here. */
const WITHOUT_MEANING = [
  ...['ssl_version', 'version', 'min_version', 'ciphers', 'server_side', 'do_handshake_on_connect', 'suppress_ragged_eofs'],
  ...['validate_ocsp', 'validate_ocsp_stapled'],
];

/**
 * The object with its names as Python writes them; truth values as they are.
 *
 * @throws ConfigError for a name that means nothing: without it somebody would believe in a check that nobody makes.
 */
export function checkTlsOptions(value: unknown, where: string): unknown {
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError(`${where} is ${showValue(value)}`, {
      hint: `it must be true, false or an object with ${TLS_OPTIONS.join(', ')}`,
    });
  }
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(value)) {
    const known = snakeCase(name);
    if (!isTlsOption(known)) {
      const lookalike = closestName(known.replace(/^ssl_/, ''), TLS_OPTIONS);
      throw new ConfigError(`${where}: unknown option ${JSON.stringify(name)}`, {
        hint: lookalike === undefined ? `it has ${TLS_OPTIONS.join(', ')}` : `did you mean ${lookalike}?`,
      });
    }
    Object.defineProperty(options, known, { value: option, enumerable: true, writable: true, configurable: true });
  }
  return options;
}

/** With `ssl_` before it or without. */
export function isTlsOption(name: string): boolean {
  const bare = name.replace(/^ssl_/, '');
  return TLS_OPTIONS.some((one) => one === bare) || WITHOUT_MEANING.includes(bare);
}

/** One of {@link TLS_OPTIONS} in what was given, under either name. */
export function tlsOption(given: Readonly<Record<string, unknown>>, name: (typeof TLS_OPTIONS)[number]): unknown {
  return given[`ssl_${name}`] ?? given[name];
}
