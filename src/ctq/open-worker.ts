/** Puts a worker together: the app's tasks, its broker and result backend, and the pool that runs them. */
import { hostname } from 'node:os';
import { systemClock } from '../clock.js';
import type { Conf } from '../config/conf.js';
import type { Surroundings } from '../ctq.js';
import { ConfigError } from '../errors.js';
import type { TaskRegistry } from '../execution/task-registry.js';
import { type Logger, silentLogger } from '../logger.js';
import { resolveNodename } from '../protocol/nodename.js';
import type { RemoteCommand } from '../remote-control/command.js';
import type { Signals } from '../signals.js';
import type { Worker, WorkerOptions, WorkerVoice } from '../worker/worker.js';
import { IN_CHILD } from './app-home.js';
import { type AppModule, childOptions } from './child-options.js';
import type { Connected } from './connected.js';

/** What `app.worker()` takes beside the worker's own options. */
export interface AppWorkerOptions extends WorkerOptions {
  /** `-n`; default `celery@<host>`. */
  readonly hostname?: string;
  readonly logger?: Logger;
  readonly voice?: WorkerVoice;
  /** The module that makes the app, `import.meta.url` there: what children of a pool load. `ctq worker -A` knows it. */
  readonly module?: string | URL | AppModule;
}

/** An app, as far as its workers are concerned. */
export interface WorkerSource {
  readonly main: string;
  readonly conf: Conf;
  readonly tasks: TaskRegistry;
  readonly signals: Signals;
  readonly surroundings: Surroundings;
  /** The remote-control commands that the app added. */
  readonly commands: readonly RemoteCommand[];
}

/** @throws {@link ConfigError} inside a child of a pool, whose worker there is already. */
export async function openWorker(source: WorkerSource, connected: Connected, options: AppWorkerOptions): Promise<Worker> {
  const [{ Worker }, { openPool }, { openSettlement }] = await Promise.all([
    import('../worker/worker.js'),
    import('../pools/index.js'),
    import('../settlement.js'),
  ]);
  if (IN_CHILD in globalThis) {
    throw new ConfigError('a child of a pool may not start a worker', {
      hint: 'make the app in a module of its own, and start workers elsewhere',
    });
  }
  const { main, conf, tasks, signals, surroundings, commands } = source;
  const settings = { ...conf.settings };
  const logger = options.logger ?? silentLogger;
  for (const line of conf.ineffective()) logger.warning('%s', line);
  await connected.assertWritable();
  const [broker, backend] = await Promise.all([connected.consumeFrom(), connected.backend()]);
  const nodename = resolveNodename(options.hostname, { hostname: hostname(), pid: process.pid });
  const childSource = { main, module: options.module, settings, surroundings, broker };
  return new Worker(
    {
      appName: main,
      settings,
      tasks,
      broker,
      backend,
      settlement: openSettlement(broker, backend, { logger }),
      producer: connected.producer,
      queues: connected.router.queues,
      security: connected.security,
      async openPool(kind, poolOptions) {
        const children = childOptions(kind, childSource);
        return openPool(kind, { ...poolOptions, nodename, ...(children === undefined ? {} : { children }) });
      },
      logger,
      clock: systemClock,
      signals,
      nodename,
      ...(options.voice === undefined ? {} : { voice: options.voice }),
      remote: { settings, commands, table: (which) => conf.table(which) },
    },
    options,
  );
}
