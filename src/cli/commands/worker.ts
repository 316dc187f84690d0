/** `ctq worker`: loads the app, opens log and pidfile, runs the app's worker until a signal ends it. */
import type { LoadedApp } from '../../app-loader.js';
import { firstFilled, flagLayer, type SettingsLayer } from '../../config/resolve.js';
import { expandPath } from '../../config/file-paths.js';
import type { AppWorkerOptions } from '../../ctq.js';
import { printLevel } from '../../ctq/child-options.js';
import { UsageError } from '../../errors.js';
import { logPrints } from '../../execution/printed-lines.js';
import { LOG_LEVELS, type Logger, type LogLevel } from '../../logger.js';
import type { Pool } from '../../pool.js';
import { resolveNodename } from '../../protocol/nodename.js';
import { surroundingsOf } from '../client.js';
import { type CommandCall, defineCommand, flag, list, unavailable, value } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { createLogWriter, fileSink, type LogWriter, streamSink } from '../log-writer.js';
import { names, oneOf, positiveSeconds, seconds, text, wholeNumber } from '../option-values.js';
import { paintFor } from '../output/colour.js';
import { acquirePidfile } from '../pidfile.js';

const POOLS = ['async', 'threads', 'prefork', 'solo', 'eventlet', 'gevent'] as const;
const LEVELS = [...LOG_LEVELS, 'fatal'] as const;
/** Celery's names; both have meant the same there since 4.0. */
const PROFILES = ['default', 'fair'] as const;

const options = {
  hostname: value('-n, --hostname <name>', 'node name: name or name@host, with %h %n %d; default celery@%h', text),
  concurrency: value(
    '-c, --concurrency <number>',
    'how many tasks run at once; default 100 in async, one a core in prefork and threads',
    wholeNumber(1),
  ),
  pool: value(
    '-P, --pool <pool>',
    'async (default): one event loop, for tasks that wait; prefork and threads: for tasks that compute or must be killed; solo: one at a time',
    oneOf(POOLS),
    { choices: POOLS },
  ),
  queues: list('-Q, --queues <a,b>', 'take from these queues only', names, { completes: 'queue' }),
  excludeQueues: list('-X, --exclude-queues <a,b>', 'take from all but these', names, { completes: 'queue' }),
  include: list('-I, --include <modules>', 'import these modules, too', names, { completes: 'file' }),
  loglevel: value('-l, --loglevel <level>', 'debug, info, warning (default), error or critical', oneOf(LEVELS), { choices: LEVELS }),
  logfile: value('-f, --logfile <file>', 'log to a file instead of stderr; %n %h %d %p %i %I %P expand', text, { completes: 'file' }),
  logfileFormat: value('--logfile-format <format>', 'text (default) or json', oneOf(['text', 'json']), { choices: ['text', 'json'] }),
  pidfile: value('--pidfile <file>', 'write the pid there; refuse to start while another process holds it', text, { completes: 'file' }),
  prefetchMultiplier: value('--prefetch-multiplier <number>', 'reserve so many messages for each slot; 0 is no limit', wholeNumber(0)),
  taskEvents: flag('-E, --task-events', 'send task events, for ctq events and other monitors'),
  heartbeatInterval: value('--heartbeat-interval <seconds>', 'seconds between heartbeat events; default 2', positiveSeconds),
  withoutHeartbeat: flag('--without-heartbeat', 'send no heartbeat events: monitors take this worker for dead'),
  withoutGossip: flag('--without-gossip', 'do not listen to the events of other workers'),
  withoutMingle: flag('--without-mingle', 'do not ask the others at start what was revoked'),
  purge: flag('--purge', 'empty the queues before taking from them'),
  timeLimit: value('--time-limit <seconds>', 'hard time limit of tasks that have none', seconds),
  softTimeLimit: value('--soft-time-limit <seconds>', 'soft time limit of tasks that have none', seconds),
  maxTasksPerChild: value('--max-tasks-per-child <number>', 'replace a child of prefork or threads after so many tasks', wholeNumber(1)),
  maxMemoryPerChild: value(
    '--max-memory-per-child <KiB>',
    'replace a child of prefork or threads that is larger after a task',
    wholeNumber(1),
  ),
  optimization: value(
    '-O, --optimization <profile>',
    'fair (and default): a child is given its next task when it is free',
    oneOf(PROFILES),
    {
      choices: PROFILES,
    },
  ),
  // Celery's, and not here yet.
  detach: unavailable('-D, --detach', 'a process manager such as systemd keeps it in the background'),
  uid: unavailable('--uid <user>', 'start it as that user'),
  gid: unavailable('--gid <group>', 'start it as that group'),
  umask: unavailable('--umask <mask>', 'set it in the shell before'),
  beat: unavailable('-B, --beat', 'leave it out'),
  schedule: unavailable('-s, --schedule <file>', 'leave it out'),
  autoscale: unavailable('--autoscale <max,min>', 'use --concurrency'),
  statedb: unavailable('-S, --statedb <file>', 'leave it out'),
  watch: unavailable('--watch', 'start it again after a change'),
} as const;

type Call = CommandCall<typeof options>;

export const worker = defineCommand({
  name: 'worker',
  summary: 'run tasks',
  arguments: [],
  options,
  examples: [
    ['ctq worker -A tasks -l info', 'the tasks of tasks.ts'],
    ['ctq worker -A proj.tasks -b redis://localhost -c 100 -Q mail,celery', 'two queues, a hundred at once'],
    ['ctq worker -A tasks -n w1@%h -f log/%n.log --pidfile run/%n.pid', 'under a process manager'],
  ],
  ownsSignals: true,
  run: runWorker,
});

async function runWorker(call: Call): Promise<number> {
  const { options, context, workdir } = call;
  const spec = appSpec(call);
  const nodename = resolveNodename(options.hostname, context);
  const paths = { nodename, workdir, hostname: context.hostname, pid: context.pid };
  const notice = (line: string): void => void context.stderr.write(`${line}\n`);
  if (options.pidfile !== undefined) {
    const pidfile = await acquirePidfile({ path: expandPath(options.pidfile, '--pidfile', paths), pid: context.pid, notice });
    call.defer(() => pidfile.release());
    process.once('exit', () => pidfile.release());
  }
  const logger = await openLog(call, paths);
  call.defer(() => logger.close());
  const loaded = await openApp(call, spec);
  const { conf } = loaded.app;
  const pool = poolKind(options.pool ?? conf.workerPool, call);
  if (conf.workerRedirectStdouts && hasNoChildren(pool)) redirectPrints(call, logger, printLevel(conf.workerRedirectStdoutsLevel));
  const running = await loaded.app.worker({
    ...workerOptions(options),
    hostname: nodename,
    pool,
    module: loaded,
    logger,
    voice: { banner: (words) => void context.stdout.write(words), notice },
  });
  const signals = listen(call, running, notice);
  const status = await running.start();
  return signals.exitCode(status);
}

/** The module with the app, by precedence. */
function appSpec({ globals, context, config }: Call): string {
  const variable = firstFilled(context.env, ['CTQ_APP', 'CELERY_APP']);
  const spec = globals.app ?? (variable === undefined ? undefined : context.env[variable]) ?? config.appFor('worker');
  if (spec !== undefined) return spec;
  throw new UsageError('no app was named', {
    hint: 'did you forget -A? ctq worker -A tasks loads tasks.ts; CTQ_APP and the config key app name it, too',
  });
}

/** Two of Celery's names mean what an event loop is; and what only children can do is refused where there are none. */
function poolKind(name: (typeof POOLS)[number], { options, context, globals }: Call): Pool['kind'] {
  const isGreen = name === 'eventlet' || name === 'gevent';
  if (isGreen && globals.quiet !== true) context.stderr.write(`ctq: note: ${name} selects the async pool, which does the same in Node\n`);
  const kind = isGreen ? 'async' : name;
  const asked = options.maxTasksPerChild !== undefined ? '--max-tasks-per-child' : '--max-memory-per-child';
  if (hasNoChildren(kind) && (options.maxTasksPerChild ?? options.maxMemoryPerChild) !== undefined) {
    throw new UsageError(`${asked}: the ${kind} pool has no children to replace`, { hint: 'use -P prefork or -P threads' });
  }
  return kind;
}

function hasNoChildren(kind: Pool['kind']): boolean {
  return kind === 'async' || kind === 'solo';
}

/** What tasks print goes to the log, as Celery has it; what is printed elsewhere stays what it is. */
function redirectPrints({ context, defer }: Call, logger: Logger, level: LogLevel): void {
  for (const stream of [context.stdout, context.stderr]) defer(logPrints(stream, { logger, level, outside: 'leave' }));
}

async function openLog({ options, globals, context }: Call, paths: Parameters<typeof expandPath>[2]): Promise<LogWriter> {
  const level = levelOf(options.loglevel);
  const format = options.logfileFormat ?? 'text';
  const { clock } = context;
  if (options.logfile !== undefined) {
    return createLogWriter({ level, format, clock, sink: fileSink(expandPath(options.logfile, '--logfile', paths), clock) });
  }
  const paint = format === 'json' ? undefined : await paintFor(context.stderr, context.env, globals.noColor);
  return createLogWriter({ level, format, clock, sink: streamSink(context.stderr), ...(paint === undefined ? {} : { paint }) });
}

function levelOf(level: (typeof LEVELS)[number] = 'warning'): LogLevel {
  return level === 'fatal' ? 'critical' : level;
}

async function openApp(call: Call, spec: string): Promise<LoadedApp> {
  const { options, workdir, config } = call;
  const { loadApp } = await import('../../app-loader.js');
  const configured = ['imports', 'include'] as const;
  const modules = configured.flatMap((key) => (config.layer.get(key)?.value as readonly string[] | undefined) ?? []);
  const loaded = await loadApp(spec, { workdir, include: [...(options.include ?? []).flat(), ...modules] });
  call.defer(() => loaded.loader.close());
  call.defer(() => loaded.app.close());
  const surroundings = surroundingsOf(call);
  loaded.app.configure({ ...surroundings, layers: [optionLayer(call), ...surroundings.layers] });
  return loaded;
}

/** Options that are settings under another name. */
function optionLayer({ options }: Call): SettingsLayer {
  return flagLayer({
    workerConcurrency: ['--concurrency', options.concurrency],
    workerPrefetchMultiplier: ['--prefetch-multiplier', options.prefetchMultiplier],
    taskTimeLimit: ['--time-limit', options.timeLimit],
    taskSoftTimeLimit: ['--soft-time-limit', options.softTimeLimit],
    workerMaxTasksPerChild: ['--max-tasks-per-child', options.maxTasksPerChild],
    workerMaxMemoryPerChild: ['--max-memory-per-child', options.maxMemoryPerChild],
    workerSendTaskEvents: ['--task-events', options.taskEvents],
  });
}

function workerOptions(options: Call['options']): AppWorkerOptions {
  const { queues, excludeQueues, purge, heartbeatInterval } = options;
  return {
    withoutGossip: options.withoutGossip === true,
    withoutMingle: options.withoutMingle === true,
    withoutHeartbeat: options.withoutHeartbeat === true,
    ...(heartbeatInterval === undefined ? {} : { heartbeatIntervalS: heartbeatInterval }),
    ...(queues === undefined ? {} : { queues: queues.flat() }),
    ...(excludeQueues === undefined ? {} : { excludeQueues: excludeQueues.flat() }),
    purge: purge === true,
  };
}

interface Stoppable {
  stop(how: 'warm' | 'cold'): Promise<void>;
}

/** TERM stops warm, INT warm and then cold, QUIT cold (WIRE 16.5). */
function listen({ context, defer }: Call, running: Stoppable, notice: (text: string) => void): { exitCode(status: string): number } {
  let interrupts = 0;
  let forcedBySecondInterrupt = false;
  const stop = (how: 'warm' | 'cold'): void => void running.stop(how).catch(() => {}); // What went wrong comes out of start().
  defer(context.onSignal('SIGTERM', () => stop('warm')));
  defer(context.onSignal('SIGQUIT', () => stop('cold')));
  defer(
    context.onSignal('SIGINT', () => {
      interrupts += 1;
      if (interrupts === 1) {
        notice('\nworker: Hitting Ctrl+C again will initiate cold shutdown, terminating all running tasks!');
        stop('warm');
      } else {
        forcedBySecondInterrupt = true;
        if (interrupts > 2) notice('Waiting gracefully for cold shutdown to complete...');
        stop('cold');
      }
    }),
  );
  return { exitCode: (status) => (forcedBySecondInterrupt && status === 'forced' ? EXIT.interrupted : EXIT.ok) };
}
