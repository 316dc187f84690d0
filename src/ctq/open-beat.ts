/** Puts a beat together: the app's entries, the store that its broker has, and the file of last runs. */
import { hostname } from 'node:os';
import type { Broker, BrokerOptions } from '../broker.js';
import type { Beat } from '../beat/beat.js';
import { readEntries, type ScheduleEntry, type ScheduleEntryInput } from '../beat/schedule-entry.js';
import type { ScheduleStore } from '../beat/schedule-store.js';
import type { CallPreparer } from '../beat/sending.js';
import { TimeZone } from '../beat/time-zone.js';
import { systemClock } from '../clock.js';
import { expandPath } from '../config/file-paths.js';
import type { Settings } from '../config/settings.js';
import { type Logger, silentLogger } from '../logger.js';
import type { MetricsOptions } from '../metrics/server.js';
import { resolveNodename } from '../protocol/nodename.js';
import type { Signals } from '../signals.js';

/** What `app.beat()` takes. */
export interface AppBeatOptions {
  /** File of last runs (`-s`); default `beatScheduleFilename`, where that is set or the broker keeps no schedules. */
  readonly schedule?: string;
  /** Longest sleep in seconds (`--max-interval`). */
  readonly maxInterval?: number;
  /** How other beats call this one; default `celery@<host>`. */
  readonly hostname?: string;
  /** Where metrics are given in Prometheus' form; default nowhere. */
  readonly metrics?: MetricsOptions;
  readonly logger?: Logger;
}

/** An app, as far as its schedule is concerned. */
export interface ScheduleSource {
  readonly main: string;
  readonly settings: Settings;
  readonly sourceOf: (key: keyof Settings) => string;
  /** `addPeriodicTask()` */
  readonly periodic: ReadonlyMap<string, ScheduleEntryInput>;
}

/** The way to the broker that messages are published to. */
export interface BeatConnection {
  readonly url: string;
  readonly options: BrokerOptions;
  readonly displayUrl: string;
  readonly broker: () => Promise<Broker>;
  readonly producer: CallPreparer;
}

/** @throws ConfigError naming place, key, value and remedy. */
export function entriesOf({ settings, periodic, sourceOf }: ScheduleSource): readonly ScheduleEntry[] {
  const source = sourceOf('beatSchedule');
  const configured = readEntries(settings.beatSchedule, source === 'default' ? 'beatSchedule' : source);
  const added = readEntries(Object.fromEntries(periodic), 'addPeriodicTask');
  const names = new Set(added.map(({ name }) => name));
  return [...configured.filter(({ name }) => !names.has(name)), ...added];
}

/** Celery's `app.timezone`: the setting, else UTC, else with `enableUtc: false` where the machine is. */
export function zoneOf({ timezone, enableUtc }: Pick<Settings, 'timezone' | 'enableUtc'>): TimeZone {
  if (timezone !== null) return TimeZone.of(timezone);
  return enableUtc ? TimeZone.of('UTC') : TimeZone.system();
}

/** The store that the beats of this app share; undefined where the broker has none. */
export async function openStore(
  source: Pick<ScheduleSource, 'main'>,
  connection: Pick<BeatConnection, 'url' | 'options'>,
  options: { readonly member: string; readonly awake?: () => void },
): Promise<ScheduleStore | undefined> {
  const { openScheduleStore } = await import('../beat/schedule-stores/index.js');
  return openScheduleStore(connection.url, connection.options, { scope: source.main, ...options });
}

/** The stores of all apps that keep their schedules at this broker, by the apps' names; undefined where it keeps none. */
export async function openStores(
  connection: Pick<BeatConnection, 'url' | 'options'>,
  options: { readonly member: string },
): Promise<ReadonlyMap<string, ScheduleStore> | undefined> {
  const { scheduleScopes } = await import('../beat/schedule-stores/index.js');
  const scopes = await scheduleScopes(connection.url, connection.options);
  if (scopes === undefined) return undefined;
  const stores = new Map<string, ScheduleStore>();
  for (const main of scopes) {
    const store = await openStore({ main }, connection, options);
    if (store !== undefined) stores.set(main, store);
  }
  return stores;
}

export async function openBeat(
  source: ScheduleSource & { readonly taskNames: ReadonlySet<string>; readonly signals: Signals },
  connection: BeatConnection,
  options: AppBeatOptions,
): Promise<Beat> {
  const { settings } = source;
  const logger = options.logger ?? silentLogger;
  const entries = entriesOf(source);
  const nodename = resolveNodename(options.hostname, { hostname: hostname(), pid: process.pid });
  let beat: Beat | undefined;
  const [{ Beat: BeatClass }, { LocalScheduleStore }, { JsonStateFile }, shared] = await Promise.all([
    import('../beat/beat.js'),
    import('../beat/schedule-stores/local.js'),
    import('../beat/schedule-stores/state-file.js'),
    openStore(source, connection, { member: `${nodename} (pid ${process.pid})`, awake: () => beat?.awake() }),
  ]);
  const isConfigured = source.sourceOf('beatScheduleFilename') !== 'default';
  const paths = { nodename, workdir: process.cwd(), hostname: hostname(), pid: process.pid };
  const inSettings =
    isConfigured || shared === undefined ? expandPath(settings.beatScheduleFilename, 'beatScheduleFilename', paths) : undefined;
  const file = options.schedule ?? inSettings;
  if (source.sourceOf('beatScheduler') !== 'default') {
    logger.warning('beat: %s is a class of Python; entries live in the app and in the broker here.', settings.beatScheduler);
  }
  const metrics =
    options.metrics === undefined
      ? undefined
      : await (await import('../metrics/beat-metrics.js')).openBeatMetrics(options.metrics, {
          ...{ logger, nodename, entries: entries.length, producer: connection.producer },
          isLeading: () => beat?.state === 'leading',
        });
  beat = new BeatClass({
    entries,
    taskNames: source.taskNames,
    store: shared ?? new LocalScheduleStore(connection.displayUrl, connection.broker),
    stateFile: file === undefined ? undefined : new JsonStateFile(file, logger),
    producer: metrics?.producer ?? connection.producer,
    ...(metrics === undefined ? {} : { ended: () => metrics.server.close() }),
    zone: zoneOf(settings),
    scope: source.main,
    settings: { ...settings, ...(options.maxInterval === undefined ? {} : { beatMaxLoopInterval: options.maxInterval }) },
    logger,
    clock: systemClock,
    signals: source.signals,
    nodename,
    brokerUrl: connection.displayUrl,
  });
  return beat;
}
