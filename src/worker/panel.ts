/** A worker as remote control sees it: the narrow view that commands get, over the parts that do the work. */
import { TaskRegistry } from '../execution/task-registry.js';
import type { Broker, Consumer, Queue } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Pool } from '../pool.js';
import type { EventDispatcher } from '../events/dispatcher.js';
import type { LamportClock } from '../protocol/lamport-clock.js';
import { decodeTaskMessage, type DecodeTaskOptions, type TaskMessage } from '../protocol/task-message.js';
import { CommandError } from '../remote-control/command.js';
import type { HeldRequest, PostponedRequest, QueueRequest, WorkerFigures, WorkerView } from '../remote-control/command.js';
import { exchangeType } from '../routing/queues.js';
import type { Autoscaler } from './autoscaler.js';
import type { Dispatcher } from './dispatcher.js';
import type { EtaTimer } from './eta-timer.js';
import { sendRequestedHeartbeat } from './heartbeat.js';
import { poolView } from './pool-view.js';
import type { Postponed } from './postponed.js';
import type { PrefetchControl } from './prefetch-control.js';
import type { Request } from './request.js';
import type { RevokedTasks } from './revoked.js';
import { taskAttribute } from './task-attributes.js';
import type { TaskPlans } from './task-plan.js';
import type { Throttle } from './throttle.js';
import type { QueueTable, RemoteParts, WorkerParts } from './worker-parts.js';

export interface PanelParts {
  readonly nodename: string;
  readonly pid: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly lamport: LamportClock;
  readonly broker: Broker;
  readonly remote: RemoteParts;
  readonly tasks: WorkerParts['tasks'];
  readonly plans: TaskPlans;
  readonly queueTable: QueueTable;
  readonly decoding: DecodeTaskOptions;
  readonly pool: Pool;
  readonly consumer: Consumer;
  readonly dispatcher: Dispatcher;
  readonly etaTimer: EtaTimer;
  readonly throttle: Throttle;
  readonly postponed: Postponed;
  readonly prefetchControl: PrefetchControl;
  /** Undefined for a pool of a fixed size. */
  readonly autoscaler: Autoscaler | undefined;
  /** Queues of which this worker hears a copy. */
  readonly broadcasts: readonly Queue[];
  readonly revoked: RevokedTasks;
  readonly events: EventDispatcher;
  /** Remembers revoked ids beyond this worker, and shows them in their results. */
  readonly announceRevoked: (ids: readonly string[], results: 'mark' | 'leave') => void;
  readonly elect: (id: string, topic: string, action: unknown) => void;
  readonly shutdown: () => void;
}

export function workerView(parts: PanelParts): WorkerView {
  const { nodename, pid, logger, lamport, remote, events, elect, shutdown } = parts;
  const startedMs = parts.clock.monotonicMs();
  return {
    nodename,
    pid,
    logger,
    clock: lamport,
    requests: requestsView(parts),
    revokes: revokesView(parts),
    tasks: tasksView(parts),
    pool: poolView(parts),
    queues: queuesView(parts),
    events: {
      enableTaskEvents: () => events.enable('task'),
      disableTaskEvents: () => events.disable('task'),
      sendHeartbeat: () => sendRequestedHeartbeat(events),
    },
    settings: { table: (which) => remote.table(which) },
    figures: () => figuresOf(parts, startedMs),
    elect,
    shutdown,
  };
}

function requestsView(parts: PanelParts): WorkerView['requests'] {
  const { dispatcher, etaTimer, postponed, throttle } = parts;
  // As in Celery, what waits for its rate limit is reserved.
  const reservedNow = (): Request[] => [...dispatcher.waiting, ...throttle.waiting];
  const show = (requests: Iterable<Request>): Promise<HeldRequest[]> =>
    Promise.all(Array.from(requests, (request) => heldRequest(request, parts)));
  return {
    active: () => show(dispatcher.running),
    reserved: () => show(reservedNow()),
    async scheduled() {
      const waiting = [...etaTimer.waiting, ...postponed.waiting].sort((a, b) => a.etaMs - b.etaMs);
      const shown = waiting.map(
        async (request): Promise<PostponedRequest> => ({ etaMs: request.etaMs, request: await heldRequest(request, parts) }),
      );
      return Promise.all(shown);
    },
    async find(id) {
      const active = [...dispatcher.running].find((request) => request.id === id);
      if (active !== undefined) return { state: 'active', request: await heldRequest(active, parts) };
      const reserved = reservedNow().find((request) => request.id === id);
      return reserved === undefined ? undefined : { state: 'reserved', request: await heldRequest(reserved, parts) };
    },
    revoke(ids) {
      const wanted = new Set(ids);
      for (const request of [...dispatcher.running]) if (wanted.has(request.id)) request.revoke();
    },
    terminate(ids, signal) {
      const wanted = new Set(ids);
      const found: string[] = [];
      // What waits is not taken out: it is revoked, and discarded when its turn comes.
      for (const { id } of reservedNow()) if (wanted.has(id)) found.push(id);
      for (const request of [...dispatcher.running]) {
        if (!wanted.has(request.id)) continue;
        found.push(request.id);
        request.terminate(signal);
      }
      return [...new Set(found)];
    },
  };
}

async function heldRequest(request: Request, { clock, decoding }: PanelParts): Promise<HeldRequest> {
  const message = request.message ?? (await decoded(request, decoding));
  const { headers, properties } = request.delivery.message;
  const stamps = message?.stamps ?? {};
  return {
    id: request.id,
    name: request.name,
    type: request.task,
    args: message?.args ?? [],
    kwargs: message?.kwargs ?? {},
    argsRepr: message?.argsrepr ?? text(headers['argsrepr']),
    kwargsRepr: message?.kwargsrepr ?? text(headers['kwargsrepr']),
    startedAtMs: request.running ? clock.nowMs() - (clock.monotonicMs() - request.startedMs) : null,
    acknowledged: request.acked,
    workerPid: request.pid === 0 ? null : request.pid,
    deliveryInfo: {
      exchange: properties.deliveryInfo?.exchange ?? '',
      routingKey: properties.deliveryInfo?.routingKey ?? request.delivery.queue,
      priority: properties.priority ?? 0,
      redelivered: request.delivery.redelivered,
    },
    stamps,
  };
}

/** One that cannot be read is refused when its turn comes; until then it is shown without its arguments. */
async function decoded(request: Request, decoding: DecodeTaskOptions): Promise<TaskMessage | undefined> {
  try {
    return await decodeTaskMessage(request.delivery.message, decoding);
  } catch {
    return undefined;
  }
}

function revokesView({ revoked, announceRevoked }: PanelParts): WorkerView['revokes'] {
  return {
    ids: () => [...revoked.ages().keys()],
    times() {
      // The machine's monotonic clock, which Python's workers on it share.
      const nowS = Number(process.hrtime.bigint() / 1_000n) / 1e6;
      return new Map([...revoked.ages()].map(([id, ageMs]) => [id, nowS - ageMs / 1000]));
    },
    revoke(ids, results) {
      revoked.add(ids);
      announceRevoked(ids, results);
    },
    learn: (ids) => revoked.add(ids),
    revokeStamp: (header, values) => revoked.addStamp(header, values),
  };
}

function tasksView({ tasks, plans }: PanelParts): WorkerView['tasks'] {
  return {
    has: (name) => tasks.has(name),
    names: () => [...tasks.keys(), ...(tasks instanceof TaskRegistry ? tasks.builtins.keys() : [])],
    attribute(name, attribute) {
      const plan = plans.get(name);
      return plan === undefined ? undefined : taskAttribute(plan, attribute);
    },
    setRateLimit: (name, limit) => plans.setRateLimit(name, limit),
    setTimeLimits: (name, { soft, hard }) => plans.setTimeLimits(name, { soft, hard }),
  };
}

function queuesView({ consumer, broadcasts, queueTable }: PanelParts): WorkerView['queues'] {
  return {
    list: () => consumer.queues.map((queue) => broadcasts.find(({ name }) => name === queue.name) ?? queue),
    add(request) {
      const queue = queueOf(request, queueTable);
      if (queue.broadcast === true)
        throw new CommandError('ValueError', `the broadcast queue ${queue.name} is heard from a worker's start on`);
      return consumer.addQueue(queue);
    },
    cancel: (name) => consumer.cancelQueue(name),
  };
}

/** A queue that the settings know stays as they say; another one is what was asked for. */
function queueOf({ name, exchange, exchangeType: type, routingKey }: QueueRequest, table: QueueTable): Queue {
  if (table.has(name)) return table.get(name);
  return {
    name,
    exchange: { name: exchange ?? name, type: exchangeType(type, 'add_consumer') },
    routingKey: routingKey ?? name,
    durable: true,
  };
}

function figuresOf({ plans, prefetchControl, clock, remote, broker }: PanelParts, startedMs: number): WorkerFigures {
  return {
    total: plans.begun(),
    prefetchCount: prefetchControl.count,
    uptimeS: (clock.monotonicMs() - startedMs) / 1000,
    connectTimeoutS: remote.settings.brokerConnectionTimeout,
    heartbeatS: remote.settings.brokerHeartbeat,
    brokerUrl: broker.displayUrl,
    transportOptions: remote.settings.brokerTransportOptions,
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
