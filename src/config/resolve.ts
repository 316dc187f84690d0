/**
 * Who has the last word: flag › environment › config file › the app module's own settings › default.
 * Each value remembers where it came from, so that an error, and `conf`, can say it.
 */
import { join } from 'node:path';
import { nameSettings } from './setting-names.js';
import { SETTINGS, type SettingKey, type Settings } from './settings.js';
import { checkSetting } from './validate.js';

export interface GivenValue {
  readonly value: unknown;
  /** `file ctq.config.ts, key brokerUrl` · `environment variable CTQ_BROKER_URL` · `option --broker`. */
  readonly source: string;
}

/** The values that one place gives, checked. */
export type SettingsLayer = ReadonlyMap<SettingKey, GivenValue>;

/**
 * Reads settings as somebody wrote them.
 *
 * @param origin - What errors start with, e.g. the file's name.
 * @param place - How a value's source is told, default the origin.
 * @throws {@link ConfigError}
 */
export function readLayer(values: Readonly<Record<string, unknown>>, origin: string, place: string = origin): SettingsLayer {
  const layer = new Map<SettingKey, GivenValue>();
  for (const { key, writtenAs, value } of nameSettings(values, origin)) {
    layer.set(key, { value: checkSetting(key, value, `${origin}: ${writtenAs}`), source: `${place}, key ${writtenAs}` });
  }
  return layer;
}

/**
 * The variables that are read, first one wins; unprefixed names never, for a shell with `APP=web` in it
 * must not change what a command does.
 */
export const ENVIRONMENT = {
  brokerUrl: ['CTQ_BROKER_URL', 'CELERY_BROKER_URL'],
  resultBackend: ['CTQ_RESULT_BACKEND', 'CELERY_RESULT_BACKEND'],
} as const satisfies Partial<Record<SettingKey, readonly string[]>>;

export type Environment = Readonly<Record<string, string | undefined>>;

export function environmentLayer(env: Environment): SettingsLayer {
  const layer = new Map<SettingKey, GivenValue>();
  for (const key of ['brokerUrl', 'resultBackend'] as const) {
    const name = firstFilled(env, ENVIRONMENT[key]);
    if (name === undefined) continue;
    layer.set(key, { value: checkSetting(key, env[name], name), source: `environment variable ${name}` });
  }
  return layer;
}

/** The first of these variables that is set and not empty. */
export function firstFilled(env: Environment, names: readonly string[]): string | undefined {
  return names.find((name) => env[name] !== undefined && env[name] !== '');
}

/** Values given as command line options, e.g. `{ brokerUrl: ['--broker', 'redis://…'] }`. */
export function flagLayer(flags: { readonly [Key in SettingKey]?: readonly [flag: string, value: unknown] | undefined }): SettingsLayer {
  const layer = new Map<SettingKey, GivenValue>();
  for (const [key, given] of Object.entries(flags) as [SettingKey, readonly [string, unknown] | undefined][]) {
    if (given === undefined || given[1] === undefined) continue;
    layer.set(key, { value: checkSetting(key, given[1], given[0]), source: `option ${given[0]}` });
  }
  return layer;
}

/** The strongest layer's value; undefined when only the default is left. */
export function strongest(layers: readonly SettingsLayer[], key: SettingKey): GivenValue | undefined {
  for (const layer of layers) {
    const given = layer.get(key);
    if (given !== undefined) return given;
  }
  return undefined;
}

/** A fresh copy: somebody may add to `conf.beatSchedule`. */
export function defaultOf(key: SettingKey): unknown {
  const value: unknown = SETTINGS[key].default;
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}

export interface ConnectionUrls {
  readonly consume: string;
  readonly publish: string;
  readonly resultBackend: string;
}

/**
 * What the URL settings amount to, with the embedded broker and the broker's own result backend filled in.
 *
 * @param baseFolder - Where `.ctq/ctq.db` stands: the config file's folder, else the working directory.
 */
export function connectionUrls(settings: Settings, baseFolder: string): ConnectionUrls {
  const main = withEmbeddedFile(settings.brokerUrl ?? urlFromParts(settings) ?? 'sqlite://', baseFolder);
  const backend = settings.resultBackend;
  return {
    consume: settings.brokerReadUrl === null ? main : withEmbeddedFile(settings.brokerReadUrl, baseFolder),
    publish: settings.brokerWriteUrl === null ? main : withEmbeddedFile(settings.brokerWriteUrl, baseFolder),
    resultBackend: backend === null ? ownBackend(main) : withEmbeddedFile(redisFromParts(backend, settings), baseFolder),
  };
}

/** `sqlite://` alone is the file beside the configuration, the same one for every command. */
export function withEmbeddedFile(url: string, baseFolder: string): string {
  if (!/^sqlite:\/{2,3}$/.test(url)) return url;
  const path = encodeURI(join(baseFolder, '.ctq', 'ctq.db')).replace(/[?#]/g, encodeURIComponent);
  return `sqlite://${path}`;
}

/** RabbitMQ keeps no results: there they travel as messages. */
function ownBackend(brokerUrl: string): string {
  return /^(?:(?:py)?amqps?|librabbitmq):/.test(brokerUrl) ? 'rpc://' : brokerUrl;
}

/** `broker_host`, `broker_port` … of the days before URLs. */
function urlFromParts(settings: Settings): string | undefined {
  const { brokerHost, brokerPort, brokerUser, brokerPassword, brokerVhost, brokerTransport } = settings;
  if (brokerHost === null) return undefined;
  return urlOf(brokerTransport ?? 'amqp', brokerHost, brokerPort, brokerUser, brokerPassword, brokerVhost);
}

/** `result_backend = 'redis'` with `redis_host` … */
function redisFromParts(url: string, settings: Settings): string {
  if (url !== 'redis://' || settings.redisHost === null) return url;
  const { redisHost, redisPort, redisUsername, redisPassword, redisDb } = settings;
  return urlOf('redis', redisHost, redisPort, redisUsername, redisPassword, redisDb === null ? null : String(redisDb));
}

function urlOf(
  scheme: string,
  host: string,
  ...[port, user, password, path]: [port: number | null, user: string | null, password: string | null, path: string | null]
): string {
  const secret = password === null ? '' : `:${encodeURIComponent(password)}`;
  const login = user === null && secret === '' ? '' : `${encodeURIComponent(user ?? '')}${secret}@`;
  return `${scheme}://${login}${host}${port === null ? '' : `:${port}`}/${path === null ? '' : encodeURIComponent(path)}`;
}
