/** What commands that stay have in common: identity, background, pidfile, log, and the app. */
import type { LoadedApp } from '../app-loader.js';
import { expandPath, type PathContext } from '../config/file-paths.js';
import { firstFilled, type SettingsLayer } from '../config/resolve.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { Ctq } from '../ctq.js';
import { UsageError } from '../errors.js';
import { LOG_LEVELS, type LogLevel } from '../logger.js';
import { resolveNodename } from '../protocol/nodename.js';
import { openClient, surroundingsOf } from './client.js';
import { type CommandCall, flag, type OptionValues, value } from './command.js';
import { isDetached, takeMark } from './daemon.js';
import { lineFormat } from './line-format.js';
import { createLogWriter, fileSink, type LogSink, type LogWriter, streamSink } from './log-writer.js';
import { oneOf, text } from './option-values.js';
import { paintFor } from './output/colour.js';
import { acquirePidfile } from './pidfile.js';
import { hideSecrets, octal, takeIdentity } from './privileges.js';
import { type rootOption, rootWarning } from './root-check.js';

const LEVELS = [...LOG_LEVELS, 'fatal'] as const;

export const serviceOptions = {
  loglevel: value('-l, --loglevel <level>', 'debug, info, warning (default), error or critical', oneOf(LEVELS), { choices: LEVELS }),
  logfile: value('-f, --logfile <file>', 'log to a file instead of stderr; %n %h %d %p %P expand', text, { completes: 'file' }),
  logfileFormat: value('--logfile-format <format>', 'text (default) or json', oneOf(['text', 'json']), { choices: ['text', 'json'] }),
  pidfile: value('--pidfile <file>', 'write the pid there; refuse to start while another process holds it', text, { completes: 'file' }),
  detach: flag('-D, --detach', 'run in the background; come back when it is ready'),
  uid: value('--uid <user>', 'run as this user', text),
  gid: value('--gid <group>', 'run as this group', text),
  umask: value('--umask <mask>', 'mode bits that new files do not get, octal: 027', octal),
} as const;

type Call = Omit<CommandCall, 'options'> & { readonly options: OptionValues<typeof serviceOptions & Partial<typeof rootOption>> };

export interface ServiceName {
  /** `--hostname`. */
  readonly hostname?: string | undefined;
  /** Where code of the user's is going to run. */
  readonly who?: 'worker' | 'beat';
}

export interface Service {
  readonly logger: LogWriter;
  readonly level: LogLevel;
  /** As the banner shows it. */
  readonly logfile: string | undefined;
  readonly nodename: string;
  /** True in the background: then somebody waits for `reportReady`. */
  readonly detached: boolean;
  /** For file names of further options. */
  readonly paths: PathContext;
  /** To be logged when it does start: an error is one line. */
  readonly warning: string | undefined;
}

/**
 * Takes the identity, then the pidfile, then opens the log; all given back when the command ends.
 *
 * @throws {@link UsageError} for one that loads an app and may not do so as root, before anything is made that root would own.
 */
export async function startService(call: Call, { hostname, who }: ServiceName): Promise<Service> {
  const { options, context, workdir, config } = call;
  hideSecrets();
  takeIdentity(options);
  const setting = (config.layer.get('workerAllowRoot')?.value as boolean | null | undefined) ?? null;
  const allowed = options.allowRoot === true;
  const warning = who === undefined ? undefined : rootWarning({ who, env: context.env, allowed, setting });
  const nodename = resolveNodename(hostname, context);
  const paths = { nodename, workdir, hostname: context.hostname, pid: context.pid };
  if (options.pidfile !== undefined) {
    const notice = (line: string): void => void context.stderr.write(`${line}\n`);
    const pidfile = await acquirePidfile({ path: expandPath(options.pidfile, '--pidfile', paths), pid: context.pid, notice });
    call.defer(() => pidfile.release());
    process.once('exit', () => pidfile.release());
  }
  const logfile = options.logfile === undefined ? undefined : expandPath(options.logfile, '--logfile', paths);
  const level = options.loglevel === 'fatal' ? 'critical' : (options.loglevel ?? 'warning');
  const logger = await openLog(call, level, logfile);
  call.defer(() => logger.close());
  const detached = isDetached(context);
  takeMark(context);
  return { logger, level, logfile, nodename, detached, paths, warning };
}

/** `worker_log_format`, `worker_task_log_format` and `worker_log_color`, which beat follows, too, as in Celery. */
export function styleLog(logger: LogWriter, { workerLogFormat, workerTaskLogFormat, workerLogColor }: Settings): void {
  const isOwn = workerLogFormat === SETTINGS.workerLogFormat.default && workerTaskLogFormat === SETTINGS.workerTaskLogFormat.default;
  const formats = isOwn
    ? undefined
    : { other: lineFormat(workerLogFormat, 'worker_log_format'), task: lineFormat(workerTaskLogFormat, 'worker_task_log_format') };
  logger.restyle({ formats, colour: workerLogColor === false ? 'never' : 'by terminal' });
}

async function openLog({ options, globals, context }: Call, level: LogLevel, logfile: string | undefined): Promise<LogWriter> {
  const format = options.logfileFormat ?? 'text';
  const { clock } = context;
  if (logfile !== undefined) return createLogWriter({ level, format, clock, sink: fileSink(logfile, clock) });
  if (isDetached(context)) return createLogWriter({ level, format, clock, sink: nowhere });
  const paint = format === 'json' ? undefined : await paintFor(context.stderr, context.env, globals.noColor);
  return createLogWriter({ level, format, clock, sink: streamSink(context.stderr), ...(paint === undefined ? {} : { paint }) });
}

/** Nobody reads the stderr of a process in the background. */
const nowhere: LogSink = { write() {}, close() {} };

/** The module with the app, by precedence; undefined when none was named. */
export function appNamed({ globals, context, config }: Pick<Call, 'globals' | 'context' | 'config'>, command: string): string | undefined {
  const variable = firstFilled(context.env, ['CTQ_APP', 'CELERY_APP']);
  return globals.app ?? (variable === undefined ? undefined : context.env[variable]) ?? config.appFor(command);
}

export interface NamedAppOptions {
  /** Settings that the command line gives, strongest first. */
  readonly layers?: readonly SettingsLayer[];
  /** Modules to import, too. */
  readonly include?: readonly string[];
}

/**
 * Loads the app and lays the command's settings over its own.
 *
 * @throws {@link UsageError} when none was named.
 */
export async function openNamedApp(
  call: Omit<CommandCall, 'options'>,
  command: string,
  { layers = [], include = [] }: NamedAppOptions = {},
): Promise<LoadedApp> {
  const spec = appNamed(call, command);
  if (spec === undefined) {
    throw new UsageError('no app was named', {
      hint: `did you forget -A? ctq ${command} -A tasks loads tasks.ts; CTQ_APP and the config key app name it, too`,
    });
  }
  const { loadApp } = await import('../app-loader.js');
  const modules = (['imports', 'include'] as const).flatMap(
    (key) => (call.config.layer.get(key)?.value as readonly string[] | undefined) ?? [],
  );
  const loaded = await loadApp(spec, { workdir: call.workdir, include: [...include, ...modules] });
  call.defer(() => loaded.loader.close());
  call.defer(() => loaded.app.close());
  const surroundings = surroundingsOf(call);
  loaded.app.configure({ ...surroundings, layers: [...layers, ...surroundings.layers] });
  return loaded;
}

/** An app with a schedule, and the file it comes from. */
export interface ScheduleApp {
  readonly app: Ctq;
  readonly file: string;
}

/** Whether {@link openScheduleApp} has something to open. */
export function hasScheduleApp(call: Pick<CommandCall, 'globals' | 'context' | 'config'>): boolean {
  return appNamed(call, 'beat') !== undefined || call.config.layer.has('beatSchedule');
}

/** The same for beat, to which a config file with a `beatSchedule` is enough of an app. */
export async function openScheduleApp(call: Omit<CommandCall, 'options'>): Promise<ScheduleApp> {
  if (appNamed(call, 'beat') === undefined && call.config.layer.has('beatSchedule')) {
    return { app: await openClient(call), file: call.config.file ?? '' };
  }
  const { app, module } = await openNamedApp(call, 'beat');
  return { app, file: module.file };
}
