/**
 * What every pool must do. A pool's test is a few lines: its kind, and the cases it cannot keep, each
 * with its reason; docs/pools.md shows the same as a table.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { format } from 'node:util';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { loadApp, type LoadedApp } from '../../src/app-loader.js';
import { openBroker } from '../../src/brokers/index.js';
import type { Broker } from '../../src/broker.js';
import { systemClock } from '../../src/clock.js';
import { flagLayer } from '../../src/config/resolve.js';
import { writeHome } from '../../src/ctq/app-home.js';
import type { Invocation } from '../../src/execution/invocation.js';
import type { Outcome } from '../../src/execution/outcome.js';
import { logPrints } from '../../src/execution/printed-lines.js';
import { catchStrayErrors } from '../../src/execution/stray-errors.js';
import type { Logger, LogLevel } from '../../src/logger.js';
import type { Pool, PoolWatch } from '../../src/pool.js';
import { openPool } from '../../src/pools/index.js';
import type { TaskRequest } from '../../src/execution/invocation.js';
import { projectRoot } from '../support/ctq-process.js';
import { ownStrayErrors } from '../support/own-stray-errors.js';
import { app as ownApp } from '../support/pool-tasks/tasks.js';
import { tmpFolder } from '../support/tmp.js';
import { type ContractCase, testCases } from './cases.js';
import { contextCases } from './pool/context.js';
import { limitCases } from './pool/limits.js';
import { misbehaviourCases } from './pool/misbehaviour.js';
import { outcomeCases } from './pool/outcomes.js';
import { sizeCases } from './pool/size.js';
import { stoppingCases } from './pool/stopping.js';
import { valueCases } from './pool/values.js';

export type PoolKind = Pool['kind'];

export interface RunOptions {
  readonly id?: string;
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly softTimeLimitMs?: number;
  /** How long a task that took its signal may go on. */
  readonly softGraceMs?: number;
  readonly timeLimitMs?: number;
  readonly request?: Partial<TaskRequest>;
}

export interface Started {
  readonly outcome: Promise<Outcome>;
  readonly watch: PoolWatch;
  /** Pids that it began in: one. */
  readonly begunIn: readonly number[];
  /** Resolves when it begins, before anything else that the pool hears. */
  readonly begun: Promise<void>;
  readonly softLimitsMs: readonly number[];
}

export interface OpenOptions {
  readonly size?: number;
  readonly maxTasks?: number;
  readonly maxMemoryKib?: number;
}

/** What a case works with. */
export interface PoolBench {
  readonly kind: PoolKind;
  open(options?: OpenOptions): Promise<Pool>;
  start(task: string, args?: readonly unknown[], options?: RunOptions): Started;
  run(task: string, args?: readonly unknown[], options?: RunOptions): Promise<Outcome>;
  /** `INFO [fields] message`, formatted. */
  readonly lines: string[];
  readonly states: { readonly id: string; readonly state: string; readonly meta: unknown }[];
  /** Where tasks send tasks to. */
  broker(): Promise<Broker>;
}

export interface PoolCase extends ContractCase {
  run(bench: PoolBench): Promise<void>;
}

export const poolSections: Readonly<Record<string, readonly PoolCase[]>> = {
  'arguments and values': valueCases,
  'ways to end': outcomeCases,
  'what a run may do': contextCases,
  limits: limitCases,
  stopping: stoppingCases,
  'size and recycling': sizeCases,
  misbehaviour: misbehaviourCases,
};

const folder = join(projectRoot, 'test', 'support', 'pool-tasks');

export function describePoolContract(kind: PoolKind, skips: Readonly<Record<string, string>> = {}): void {
  describe(`pool contract: ${kind}`, () => {
    const cleanups: (() => Promise<unknown> | void)[] = [];
    let loaded: LoadedApp | undefined;
    const brokerUrl = `sqlite://${tmpFolder()}/ctq.db`;
    const layers = [flagLayer({ brokerUrl: ['--broker', brokerUrl], resultBackend: ['--result-backend', brokerUrl] })];

    beforeAll(async () => {
      if (kind === 'async' || kind === 'solo') ownApp.configure({ layers, baseFolder: folder, connectTimeoutMs: 20_000 });
      else loaded = await loadApp('tasks', { workdir: folder });
    });
    afterEach(async () => {
      for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp();
    });
    afterAll(async () => {
      await ownApp.close();
      loaded?.loader.close();
    });

    testCases(poolSections, { skips }, ({ run }) => run(makeBench(kind, { loaded, brokerUrl, layers, cleanups })));
  });
}

interface Surroundings {
  readonly loaded: LoadedApp | undefined;
  readonly brokerUrl: string;
  readonly layers: Parameters<typeof writeHome>[1]['layers'];
  readonly cleanups: (() => Promise<unknown> | void)[];
}

function makeBench(kind: PoolKind, { loaded, brokerUrl, layers, cleanups }: Surroundings): PoolBench {
  const lines: string[] = [];
  const states: PoolBench['states'] = [];
  const logger = memoryLogger(lines, {});
  let pool: Pool | undefined;
  const bench: PoolBench = {
    kind,
    lines,
    states,
    async open({ size = 1, maxTasks, maxMemoryKib } = {}) {
      pool = await openPool(kind, {
        size,
        nodename: 'celery@test',
        environment: {
          tasks: ownApp.tasks,
          logger,
          clock: systemClock,
          signals: ownApp.signals,
          async storeState({ id }, state, meta) {
            states.push({ id, state, meta });
          },
        },
        children: {
          home: loaded === undefined ? undefined : writeHome(loaded.address, { layers, baseFolder: folder }),
          maxTasks: maxTasks ?? null,
          maxMemoryKib: maxMemoryKib ?? null,
          printLevel: 'warning',
        },
      });
      const opened = pool;
      cleanups.push(() => opened.close('terminate'));
      if (kind === 'async' || kind === 'solo') {
        // What worker and front door do for pools in their own process.
        cleanups.push(ownStrayErrors(), catchStrayErrors(logger));
        for (const stream of [process.stdout, process.stderr])
          cleanups.push(logPrints(stream, { logger, level: 'warning', outside: 'leave' }));
      }
      return opened;
    },
    start(task, args = [], options = {}) {
      if (pool === undefined) throw new Error('open the pool first');
      const begunIn: number[] = [];
      let begins = (): void => {};
      const begun = new Promise<void>((resolve) => (begins = resolve));
      const softLimitsMs: number[] = [];
      const started = (pid: number): void => {
        begunIn.push(pid);
        begins();
      };
      const watch: PoolWatch = { started, softLimitExceeded: (ms) => softLimitsMs.push(ms), abort: undefined };
      const outcome = Promise.resolve(pool.run(invocation(task, args, options), watch));
      return { outcome, watch, begunIn, begun, softLimitsMs };
    },
    run: (task, args, options) => bench.start(task, args, options).outcome,
    async broker() {
      const broker = await openBroker(brokerUrl, { transportOptions: {}, connectTimeoutMs: 20_000 });
      cleanups.push(() => broker.close());
      return broker;
    },
  };
  return bench;
}

function invocation(task: string, args: readonly unknown[], options: RunOptions): Invocation {
  const id = options.id ?? randomUUID();
  const kwargs = options.kwargs ?? {};
  return {
    id,
    taskName: task,
    args,
    kwargs,
    softTimeLimitMs: options.softTimeLimitMs,
    softGraceMs: options.softGraceMs,
    timeLimitMs: options.timeLimitMs,
    request: {
      ...{ id, task, args, kwargs, shadow: null, retries: 0, eta: null, expires: null, group: null, groupIndex: null },
      ...{
        rootId: id,
        parentId: null,
        correlationId: id,
        replyTo: null,
        origin: 'gen1@test',
        ignoreResult: false,
        timelimit: [null, null],
      },
      deliveryInfo: { exchange: '', routingKey: 'celery', priority: 0, redelivered: false },
      ...{ hostname: 'celery@test', headers: {}, callbacks: null, errbacks: null, chain: null, chord: null },
      ...{ replacedTaskNesting: 0, stampedHeaders: null, stamps: {}, isEager: false, deliveryCount: 0 },
      ...options.request,
    },
  };
}

function memoryLogger(lines: string[], fields: Readonly<Record<string, string>>): Logger {
  const at = (level: LogLevel) => {
    return (message: string, ...args: unknown[]): void => {
      const { task_id: id, task_name: name } = fields;
      lines.push(`${level.toUpperCase()} ${id === undefined ? '' : `${name}[${id}]: `}${format(message, ...args)}`);
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    isEnabled: (level) => level !== 'debug',
    child: (more) => memoryLogger(lines, { ...fields, ...more }),
  };
}
