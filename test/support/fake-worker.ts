/** A worker that only remote control can see: its state is set by the test, and what is done to it is written down. */
import type { Queue } from '../../src/broker.js';
import type { Logger, LogLevel } from '../../src/logger.js';
import { LamportClock } from '../../src/protocol/lamport-clock.js';
import type {
  AutoscaleView,
  QueueRequest,
  HeldRequest,
  PostponedRequest,
  WorkerFigures,
  WorkerView,
} from '../../src/remote-control/command.js';
import { format } from 'node:util';

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
}

/** Keeps the lines. */
export function recordingLogger(lines: LogLine[]): Logger {
  const say =
    (level: LogLevel) =>
    (message: string, ...args: unknown[]): void =>
      void lines.push({ level, text: format(message, ...args) });
  const logger: Logger = {
    debug: say('debug'),
    info: say('info'),
    warning: say('warning'),
    error: say('error'),
    critical: say('critical'),
    isEnabled: () => true,
    child: () => logger,
  };
  return logger;
}

export function fakeRequest(id: string, about: Partial<HeldRequest> = {}): HeldRequest {
  return {
    id,
    name: 'tasks.echo',
    type: 'tasks.echo',
    args: [],
    kwargs: {},
    argsRepr: '()',
    kwargsRepr: '{}',
    startedAtMs: null,
    acknowledged: false,
    workerPid: null,
    deliveryInfo: { exchange: '', routingKey: 'celery', priority: 0, redelivered: false },
    stamps: {},
    ...about,
  };
}

export class FakeWorker implements WorkerView {
  readonly nodename: string;
  readonly pid = 15583;
  readonly log: LogLine[] = [];
  readonly logger = recordingLogger(this.log);
  readonly clock = new LamportClock();
  /** What was done to the worker, in order. */
  readonly deeds: unknown[][] = [];

  readonly held: { active: HeldRequest[]; reserved: HeldRequest[]; scheduled: PostponedRequest[] } = {
    active: [],
    reserved: [],
    scheduled: [],
  };
  readonly revokedIds = new Map<string, number>();
  readonly attributes = new Map<string, Record<string, unknown>>();
  queueList: Queue[] = [{ name: 'celery', exchange: { name: 'celery', type: 'direct' }, routingKey: 'celery' }];
  taskEvents: 'on' | 'off' | 'for good' = 'off';
  autoscale: AutoscaleView | undefined;
  poolInfo: Record<string, unknown> = { 'max-concurrency': 1 };
  changed: Record<string, unknown> = {};
  defaults: Record<string, unknown> = {};
  now: WorkerFigures = {
    total: {},
    prefetchCount: 5,
    uptimeS: 22.7,
    connectTimeoutS: 4,
    heartbeatS: 120,
    brokerUrl: 'redis://127.0.0.1:7301/0',
    transportOptions: {},
  };

  constructor(nodename = 'worker1@host') {
    this.nodename = nodename;
  }

  readonly requests: WorkerView['requests'] = {
    active: async () => this.held.active,
    reserved: async () => this.held.reserved,
    scheduled: async () => this.held.scheduled,
    find: async (id) => {
      const active = this.held.active.find((request) => request.id === id);
      if (active !== undefined) return { state: 'active', request: active };
      const reserved = this.held.reserved.find((request) => request.id === id);
      return reserved === undefined ? undefined : { state: 'reserved', request: reserved };
    },
    revoke: (ids) => {
      for (const { id } of this.held.active) if (ids.includes(id)) this.deeds.push(['tell revoked', id]);
    },
    terminate: (ids, signal) => {
      this.deeds.push(['terminate', ids, signal]);
      const here = [...this.held.active, ...this.held.reserved].map(({ id }) => id);
      return ids.filter((id) => here.includes(id));
    },
  };

  readonly revokes: WorkerView['revokes'] = {
    ids: () => [...this.revokedIds.keys()],
    times: () => this.revokedIds,
    revoke: (ids, results) => {
      this.deeds.push(['revoke', ids, results]);
      for (const id of ids) this.revokedIds.set(id, 2526.975);
    },
    learn: (ids) => {
      for (const id of ids) this.revokedIds.set(id, 1234);
    },
    revokeStamp: (header, values) => void this.deeds.push(['revokeStamp', header, values]),
  };

  readonly tasks: WorkerView['tasks'] = {
    has: (name) => this.attributes.has(name),
    names: () => [...this.attributes.keys()],
    attribute: (name, attribute) => this.attributes.get(name)?.[attribute],
    setRateLimit: (name, limit) => void this.deeds.push(['setRateLimit', name, limit]),
    setTimeLimits: (name, limits) => void this.deeds.push(['setTimeLimits', name, limits]),
  };

  get pool(): WorkerView['pool'] {
    return {
      kind: 'async',
      autoscale: this.autoscale,
      grow: (by) => void this.deeds.push(['grow', by]),
      restart: () => void this.deeds.push(['restart']),
      info: () => this.poolInfo,
    };
  }

  readonly queues: WorkerView['queues'] = {
    list: () => this.queueList,
    add: async (queue: QueueRequest) => {
      this.deeds.push(['addQueue', queue]);
      const exchange = { name: queue.exchange ?? queue.name, type: queue.exchangeType as 'direct' };
      this.queueList.push({ name: queue.name, exchange, routingKey: queue.routingKey ?? queue.name });
    },
    cancel: async (name) => {
      this.deeds.push(['cancelQueue', name]);
      this.queueList = this.queueList.filter((queue) => queue.name !== name);
    },
  };

  readonly events: WorkerView['events'] = {
    enableTaskEvents: () => {
      if (this.taskEvents !== 'off') return false;
      this.taskEvents = 'on';
      return true;
    },
    disableTaskEvents: () => {
      if (this.taskEvents !== 'on') return false;
      this.taskEvents = 'off';
      return true;
    },
    sendHeartbeat: () => void this.deeds.push(['heartbeat']),
  };

  readonly settings: WorkerView['settings'] = {
    table: (which) => (which === 'changed' ? this.changed : { ...this.defaults, ...this.changed }),
  };

  figures(): WorkerFigures {
    return this.now;
  }

  elect(id: string, topic: string, action: unknown): void {
    this.deeds.push(['elect', id, topic, action]);
  }

  shutdown(): void {
    this.deeds.push(['shutdown']);
  }
}
