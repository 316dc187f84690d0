/**
 * Is this value one that the setting can have? Shapes are checked with valibot; the sentences are our
 * own, because a good one names the place, the value and the remedy.
 */
import * as v from 'valibot';
import { ConfigError } from '../errors.js';
import { closestName } from './closest-name.js';
import { maskUrl } from './masking.js';
import type { Setting } from './setting-kinds.js';
import { camelCase, snakeCase } from './setting-names.js';
import { checkAnnotations } from './task-annotations.js';
import { SETTINGS, type SettingKey } from './settings.js';
import { checkTlsOptions } from './tls-options.js';
import { showValue } from './shown-value.js';

/**
 * The value in the form the rest of the code expects: URLs joined, one spelling of nested keys.
 *
 * @param where - File and key as written: what the error starts with.
 * @throws {@link ConfigError}
 */
export function checkSetting(key: SettingKey, value: unknown, where: string): unknown {
  const setting: Setting<unknown> = SETTINGS[key];
  if (value === null && setting.nullable) return null;
  if (!v.is(schemaOf(setting), value)) {
    throw new ConfigError(`${where} is ${show(value, setting)}`, { hint: `it must be ${expectation(setting)}${slip(value, setting)}` });
  }
  return normalise(key, value, where);
}

const filledText = v.pipe(v.string(), v.nonEmpty());
const url = v.pipe(filledText, v.regex(/^[a-z][a-z0-9+.-]*:\/\/|^[a-z]+$/i));
const zone = v.pipe(filledText, v.check(isTimeZone));

function schemaOf(setting: Setting<unknown>): v.GenericSchema<unknown> {
  if (setting.choices !== undefined) return v.picklist(setting.choices);
  switch (setting.kind) {
    case 'boolean':
      return v.boolean();
    case 'whole number':
      return v.pipe(v.number(), v.safeInteger(), v.minValue(setting.minimum ?? 0));
    case 'number':
      return v.pipe(v.number(), v.finite(), v.minValue(setting.minimum ?? 0));
    case 'text':
      return filledText;
    case 'secret':
      return v.string();
    case 'url':
      return v.union([url, v.pipe(v.array(url), v.nonEmpty())]);
    case 'time zone':
      return zone;
    case 'list':
      return v.union([filledText, v.array(filledText)]);
    case 'object':
      return v.custom(isPlainObject);
    case 'anything':
      return v.unknown();
    default: {
      const never: never = setting.kind;
      return never;
    }
  }
}

function expectation(setting: Setting<unknown>): string {
  const words = setting.choices === undefined ? kindInWords(setting) : `one of ${setting.choices.join(', ')}`;
  return setting.nullable ? `${words}, or null` : words;
}

function kindInWords(setting: Setting<unknown>): string {
  switch (setting.kind) {
    case 'boolean':
      return 'true or false';
    case 'whole number':
      return `a whole number of at least ${setting.minimum ?? 0}${setting.unit === undefined ? '' : ` (${setting.unit})`}`;
    case 'number':
      return setting.unit === undefined ? 'a number of at least 0' : `a number of ${setting.unit}, 0 or more`;
    case 'text':
    case 'secret':
      return 'a text';
    case 'url':
      return 'a URL such as redis://localhost:6379/0, or a list of them';
    case 'time zone':
      return 'the name of a time zone, such as "Europe/Berlin"';
    case 'list':
      return 'a list of texts';
    case 'object':
      return 'an object';
    case 'anything':
      return 'anything';
    default: {
      const never: never = setting.kind;
      return never;
    }
  }
}

/** `"4"` for 4 and `"true"` for true are what YAML and JSON make of one quote too many. */
function slip(value: unknown, setting: Setting<unknown>): string {
  if (typeof value !== 'string') return '';
  const unquoted = setting.kind === 'boolean' ? /^(true|false)$/.test(value) : /number/.test(setting.kind) && /^\d+(\.\d+)?$/.test(value);
  return unquoted ? `; write ${value} without quotes` : '';
}

function show(value: unknown, setting: Setting<unknown>): string {
  if (setting.kind === 'secret') return 'not a text';
  if (typeof value === 'string' && setting.kind === 'url') return JSON.stringify(maskUrl(value));
  return showValue(value);
}

function normalise(key: SettingKey, value: unknown, where: string): unknown {
  switch (key) {
    case 'brokerUrl':
    case 'brokerReadUrl':
    case 'brokerWriteUrl':
    case 'resultBackend': {
      const urls = Array.isArray(value) ? (value as string[]) : [value as string];
      // Celery takes `rpc` and `redis` for `rpc://` and `redis://`.
      return urls.map((one) => (one.includes('://') ? one : `${one}://`)).join(';');
    }
    case 'brokerTransportOptions':
    case 'resultBackendTransportOptions':
      return inSnakeCase(value as Readonly<Record<string, unknown>>, where);
    case 'brokerUseSsl':
    case 'redisBackendUseSsl':
      return checkTlsOptions(value, where);
    case 'taskPublishRetryPolicy':
      return checkRetryPolicy(value, where);
    case 'taskAnnotations':
      return checkAnnotations(value, where);
    case 'resultAcceptContent':
      return withJson(typeof value === 'string' ? [value] : (value as readonly string[]), where);
    default:
      return SETTINGS[key].kind === 'list' && typeof value === 'string' ? [value] : value;
  }
}

function withJson(contents: readonly string[], where: string): readonly string[] {
  if (contents.includes('json') || contents.includes('application/json')) return contents;
  throw new ConfigError(`${where} is ${showValue(contents)}`, { hint: 'results are written and read as JSON: add "json"' });
}

/** Transport options of the engines that ctq has (WIRE 6.8, 7.9); others may be for an engine of the reader's own. */
const TRANSPORT_OPTIONS = [
  ...['visibility_timeout', 'priority_steps', 'sep', 'queue_order_strategy', 'fanout_prefix', 'fanout_patterns', 'global_keyprefix'],
  ...['unacked_key', 'unacked_index_key', 'unacked_mutex_key', 'unacked_mutex_expire', 'unacked_restore_limit', 'ack_emulation'],
  ...['socket_timeout', 'socket_connect_timeout', 'socket_keepalive', 'socket_keepalive_options', 'retry_on_timeout', 'max_connections'],
  ...['health_check_interval', 'client_name', 'body_encoding', 'deadletter_queue', 'polling_interval', 'master_name'],
  ...['min_other_sentinels', 'sentinel_kwargs', 'max_retries', 'interval_start', 'interval_step', 'interval_max', 'errback'],
  ...['result_chord_ordered', 'retry_policy', 'confirm_publish', 'synchronous', 'management_url'],
];

function inSnakeCase(options: Readonly<Record<string, unknown>>, where: string): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const known = snakeCase(name);
    if (Object.hasOwn(result, known)) throw new ConfigError(`${where}: ${known} is given in two spellings`, { hint: 'remove one of them' });
    const lookalike = TRANSPORT_OPTIONS.includes(known) ? undefined : closestName(known, TRANSPORT_OPTIONS);
    if (lookalike !== undefined) {
      throw new ConfigError(`${where}: unknown option ${JSON.stringify(name)}`, { hint: `did you mean ${lookalike}?` });
    }
    Object.defineProperty(result, known, { value, enumerable: true, writable: true, configurable: true });
  }
  return result;
}

const RETRY_POLICY_KEYS = ['maxRetries', 'intervalStart', 'intervalStep', 'intervalMax'];

/** `taskPublishRetryPolicy`, and what `ctq send --retry-policy` takes: camelCase or Celery's names. */
export function checkRetryPolicy(value: unknown, where: string): Record<string, number | null> {
  if (!isPlainObject(value)) {
    throw new ConfigError(`${where} is ${showValue(value)}`, { hint: 'it must be an object such as { "max_retries": 3 }' });
  }
  const policy: Record<string, number | null> = {};
  for (const [name, part] of Object.entries(value)) {
    const key = camelCase(name);
    // `retry_errors` holds Python classes; the rest of kombu's policy is numbers.
    if (!RETRY_POLICY_KEYS.includes(key)) {
      throw new ConfigError(`${where}: unknown key ${JSON.stringify(name)}`, {
        hint: `it has ${RETRY_POLICY_KEYS.map(snakeCase).join(', ')}`,
      });
    }
    const forEver = key === 'maxRetries' && part === null;
    if (!forEver && !(typeof part === 'number' && part >= 0)) {
      throw new ConfigError(`${where}.${name} is ${showValue(part)}`, { hint: 'it must be a number of at least 0' });
    }
    policy[key] = part;
  }
  return policy;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
