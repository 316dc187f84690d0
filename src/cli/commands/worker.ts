/** `ctq worker`: loads the app, opens log and pidfile, runs the app's worker until a signal ends it. */
import { setFlagsFromString } from 'node:v8';
import { expandPath } from '../../config/file-paths.js';
import { maskUrl } from '../../config/masking.js';
import { flagLayer, type SettingsLayer } from '../../config/resolve.js';
import type { AppWorkerOptions } from '../../ctq/open-worker.js';
import { printLevel } from '../../ctq/child-options.js';
import { UsageError } from '../../errors.js';
import { logPrints } from '../../execution/printed-lines.js';
import { clearAwayAfterStart } from '../../start-garbage.js';
import type { Logger, LogLevel } from '../../logger.js';
import type { Pool } from '../../pool.js';
import { embedBeat } from '../beat/embedded.js';
import { type CommandCall, defineCommand, flag, list, value } from '../command.js';
import { DETACHED_ENV, detach, isDetached, reportReady } from '../daemon.js';
import { EXIT } from '../exit-codes.js';
import { isKept, keep, tellKeeper } from '../keeper.js';
import { metricsAt, metricsOption } from '../metrics.js';
import { suggest } from '../next-steps.js';
import { bounds, healthAddress, names, oneOf, positiveSeconds, seconds, text, wholeNumber } from '../option-values.js';
import { rootOption } from '../root-check.js';
import { appNamed, openNamedApp, type Service, serviceOptions, startService, styleLog } from '../service.js';
import { serviceManager } from '../systemd.js';
import { type Ending, listen, type Listening } from '../worker-signals.js';

const POOLS = ['async', 'threads', 'prefork', 'solo', 'eventlet', 'gevent'] as const;
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
  prefetchMultiplier: value('--prefetch-multiplier <number>', 'reserve so many messages for each slot; 0 is no limit', wholeNumber(0)),
  taskEvents: flag('-E, --task-events', 'send task events, for ctq events and other monitors'),
  heartbeatInterval: value('--heartbeat-interval <seconds>', 'seconds between heartbeat events; default 2', positiveSeconds),
  withoutHeartbeat: flag('--without-heartbeat', 'send no heartbeat events: monitors take this worker for dead'),
  withoutGossip: flag('--without-gossip', 'do not listen to the events of other workers'),
  withoutMingle: flag('--without-mingle', 'do not ask the others at start what was revoked'),
  beat: flag('-B, --beat', 'run a beat, too: it sends tasks when their time has come'),
  schedule: value('-s, --schedule <file>', 'with --beat: keep last runs in this file; default: in the broker', text, { completes: 'file' }),
  purge: flag('--purge', 'empty the queues before taking from them'),
  timeLimit: value('--time-limit <seconds>', 'hard time limit of tasks that have none', seconds),
  softTimeLimit: value('--soft-time-limit <seconds>', 'soft time limit of tasks that have none', seconds),
  autoscale: value('--autoscale <max,min>', 'run between so many and so many tasks at once, as they come; instead of -c', bounds),
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
  statedb: value('-S, --statedb <file>', 'remember revoked ids in this file; %n %h %d %p expand', text, { completes: 'file' }),
  health: value(
    '--health <path or port>',
    'answer probes there: GET /live and /ready on 127.0.0.1 or host:port, or a file',
    healthAddress,
    {
      completes: 'file',
    },
  ),
  healthPatience: value(
    '--health-patience <seconds>',
    'with --health: not live when it has been stuck for so long; default 60',
    positiveSeconds,
  ),
  ...metricsOption,
  ...rootOption,
  watch: flag('--watch', 'start again when a module changes, for development'),
  ...serviceOptions,
  logfile: value('-f, --logfile <file>', 'log to a file instead of stderr; %n %h %d %p %i %I %P expand', text, { completes: 'file' }),
  // Celery's, and not here yet.
} as const;

type Call = CommandCall<typeof options>;

export const worker = defineCommand({
  name: 'worker',
  summary: 'run tasks',
  arguments: [],
  options,
  examples: [
    ['ctq worker -A tasks -l info', 'the tasks of tasks.ts'],
    [
      'ctq worker -A proj.tasks -c 100 -Q mail,celery --health 0.0.0.0:8080',
      'two queues, a hundred at once, in a container: GET /live, GET /ready',
    ],
    ['ctq worker -A tasks -n w1@%h -f log/%n.log --pidfile run/%n.pid', 'under a process manager'],
  ],
  ownsSignals: true,
  run: runWorker,
});

async function runWorker(call: Call): Promise<number> {
  const { options: given, context } = call;
  const kept = isKept(context);
  const detached = isDetached(context);
  if (given.detach === true && !detached && !kept) return detach(context);
  const notice = (line: string): void => void context.stderr.write(`${line}\n`);
  const keeperEnv = detached ? DETACHED_ENV : {};
  if (given.watch === true && !kept) return keep(context, { env: keeperEnv, watch: 'changes', notice });
  // What this run has open is closed before another one takes its place.
  const cleanups: (() => void | Promise<void>)[] = [];
  const closed = async (): Promise<void> => {
    // The run is over; what it said counts.
    for (const cleanup of cleanups.splice(0).reverse())
      await Promise.resolve()
        .then(cleanup)
        .catch(() => {});
  };
  call.defer(closed);
  const ending = await runOnce({ ...call, defer: (cleanup) => void cleanups.push(cleanup) }, { kept, notice });
  if (!ending.again || kept) return ending.exitCode;
  await closed();
  return keep(context, { env: keeperEnv, watch: 'nothing', notice });
}

interface Run {
  readonly kept: boolean;
  readonly notice: (line: string) => void;
}

/**
 * What a worker allocates is nearly all gone a moment later, and V8 lets a small heap grow to several times of what lives in it before it
 * looks: 40 MB more of resident memory, at the same speed. It may still double.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=100');
  clearAwayAfterStart();
}

async function runOnce(call: Call, run: Run): Promise<Ending> {
  keepHeapSmall();
  const early = endOnEarlySignals(call);
  const prepared = await Promise.race([prepare(call, run), early.interrupted]);
  if (typeof prepared === 'number') return { exitCode: prepared, again: false };
  const heard = listen(call, { ...run, ...prepared });
  early.off();
  const status = await prepared.running.start();
  return heard.ending(status);
}

/** Nothing is taken yet, so nothing has to be finished; but what is open is closed. */
function endOnEarlySignals({ context, defer }: Call): { readonly interrupted: Promise<number>; off(): void } {
  const offs: (() => void)[] = [];
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGHUP'] as const) {
      offs.push(context.onSignal(signal, () => resolve(EXIT.terminated)));
    }
    offs.push(context.onSignal('SIGINT', () => resolve(EXIT.interrupted)));
  });
  // Node would open its debugger, and the system would end us.
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) offs.push(context.onSignal(signal, () => {}));
  const off = (): void => offs.splice(0).forEach((one) => one());
  defer(off);
  return { interrupted, off };
}

/** What other commands need to be told to be at this worker's broker; nothing where they find it as it has. */
function sameBroker(call: Call, source: string): string {
  const { broker } = call.globals;
  if (source.startsWith('option ')) return broker === undefined ? '' : ` -b ${maskUrl(broker)}`;
  const app = appNamed(call, 'worker');
  return app !== undefined && /^(?:new Ctq|app\.conf)/.test(source) ? ` -A ${app}` : '';
}

async function prepare(
  call: Call,
  { kept, notice }: Run,
): Promise<{ readonly running: Listening['running'] & { start(): Promise<string> } } & Pick<Listening, 'logger' | 'restarting'>> {
  const { options: given, context } = call;
  const service = await startService(call, { hostname: given.hostname, who: 'worker' });
  const { logger, nodename, warning } = service;
  const loaded = await openNamedApp(call, 'worker', { layers: [optionLayer(call)], include: (given.include ?? []).flat() });
  if (kept) tellKeeper({ files: loaded.address.places.map(([file]) => file) });
  const { conf, signals } = loaded.app;
  styleLog(logger, conf);
  const pool = poolKind(given.pool ?? conf.workerPool, call);
  if (conf.workerRedirectStdouts && hasNoChildren(pool)) redirectPrints(call, logger, printLevel(conf.workerRedirectStdoutsLevel), 'leave');
  if (hasNoChildren(pool) && (conf.workerMaxTasksPerChild ?? conf.workerMaxMemoryPerChild) !== null) {
    logger.warning(
      'worker_max_tasks_per_child and worker_max_memory_per_child are for prefork and threads; the %s pool has no children',
      pool,
    );
  }
  const stateDb = given.statedb ?? conf.workerStateDb;
  const manager = serviceManager(context, (text) => logger.warning('%s', text));
  if (manager !== undefined) {
    call.defer(() => manager.close());
    call.defer(signals.workerReady.connect(() => manager.ready(`${nodename} ready.`)));
    call.defer(signals.workerShuttingDown.connect(() => manager.stopping()));
  }
  const [example] = loaded.app.tasks.keys();
  const where = sameBroker(call, loaded.app.sourceOf('brokerUrl'));
  const next = `ready; in another terminal: ctq send${where} ${example ?? '<task>'} …, ctq top${where} (Ctrl+C ends this)`;
  const sayNext = (): void => {
    // Behind the log, whose lines are written together.
    logger.flush();
    suggest(call, next);
  };
  if (!kept && !service.detached) call.defer(signals.workerReady.connect(sayNext));
  const running = await loaded.app.worker({
    ...workerOptions(given),
    ...(stateDb === null
      ? {}
      : { stateDb: expandPath(stateDb, given.statedb === undefined ? 'worker_state_db' : '--statedb', service.paths) }),
    ...healthOf(call, service),
    ...metricsAt(given.metrics, context.env),
    hostname: nodename,
    pool,
    module: loaded,
    logger,
    voice: {
      // Queues and pool are known to be there by then; a broker that is away is waited for.
      banner(words) {
        if (!service.detached) {
          context.stdout.write(words);
          return;
        }
        if (!kept) reportReady();
        // Nobody reads the streams of a process in the background.
        if (conf.workerRedirectStdouts) redirectPrints(call, logger, printLevel(conf.workerRedirectStdoutsLevel), 'log');
      },
      notice,
    },
  });
  if (given.beat === true) {
    const schedule = given.schedule === undefined ? {} : { schedule: expandPath(given.schedule, '--schedule', service.paths) };
    call.defer(await embedBeat(loaded.app, { hostname: nodename, logger, ...schedule }));
  }
  // Behind all that may be wrong: an error is one line.
  if (warning !== undefined) logger.warning('%s', warning);
  if (loaded.app.tasks.size === 0) logger.warning('The app has no tasks: is the module that makes them imported? -I names more modules');
  return { running, logger, restarting: () => manager?.restarting() };
}

/** The token comes from the environment: a command line is for everybody to read. */
function healthOf({ options, context }: Call, { paths }: Service): Pick<AppWorkerOptions, 'health'> {
  const { health, healthPatience: patienceS } = options;
  if (health === undefined) {
    if (patienceS === undefined) return {};
    throw new UsageError('--health-patience: there is no --health', { hint: 'say where probes are answered: --health 8080' });
  }
  const token = context.env['CTQ_HEALTH_TOKEN'];
  const address = health.kind === 'file' ? { kind: 'file' as const, path: expandPath(health.path, '--health', paths) } : health;
  return {
    health: { address, ...(patienceS === undefined ? {} : { patienceS }), ...(token === undefined || token === '' ? {} : { token }) },
  };
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
  if (kind === 'solo' && options.autoscale !== undefined) {
    throw new UsageError('--autoscale: the solo pool runs one task at a time', { hint: 'use another pool, or leave it out' });
  }
  return kind;
}

function hasNoChildren(kind: Pool['kind']): boolean {
  return kind === 'async' || kind === 'solo';
}

/** What tasks print goes to the log, as Celery has it; what is printed elsewhere stays what it is. */
function redirectPrints({ context, defer }: Call, logger: Logger, level: LogLevel, outside: 'log' | 'leave'): void {
  for (const stream of [context.stdout, context.stderr]) defer(logPrints(stream, { logger, level, outside }));
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
  const { queues, excludeQueues, purge, heartbeatInterval, autoscale } = options;
  return {
    ...(autoscale === undefined ? {} : { autoscale }),
    withoutGossip: options.withoutGossip === true,
    withoutMingle: options.withoutMingle === true,
    withoutHeartbeat: options.withoutHeartbeat === true,
    ...(heartbeatInterval === undefined ? {} : { heartbeatIntervalS: heartbeatInterval }),
    ...(queues === undefined ? {} : { queues: queues.flat() }),
    ...(excludeQueues === undefined ? {} : { excludeQueues: excludeQueues.flat() }),
    purge: purge === true,
  };
}
