/**
 * What the events of a cluster add up to: which workers are up, what became of each task, how many of
 * each kind and how fast. Fed with events in any order, also with those of strangers; holds a bounded
 * number of workers and tasks, the oldest go first. Keeps no time of its own.
 */
import { eventGroup } from '../protocol/events.js';
import { FAILURE, PENDING, precedence, READY_STATES, RECEIVED, REJECTED, RETRY, REVOKED, STARTED, SUCCESS } from '../protocol/states.js';
import { Rate } from './rate.js';
import type { ReceivedEvent } from './receiver.js';

/** Celery's: a worker that says nothing for twice its interval is taken for dead. */
const BEATS_MISSED = 2;
/** Where a worker does not say how often it beats. */
const DEFAULT_FREQUENCY_S = 60;

const STATE_OF: Readonly<Record<string, string>> = {
  sent: PENDING,
  received: RECEIVED,
  started: STARTED,
  failed: FAILURE,
  retried: RETRY,
  succeeded: SUCCESS,
  revoked: REVOKED,
  rejected: REJECTED,
};

/** A late `task-received` fills these in, whatever has happened since (celery/events/state.py, merge_rules). */
const FROM_RECEIVED: ReadonlySet<string> = new Set(['name', 'args', 'kwargs', 'parent_id', 'root_id', 'retries', 'eta', 'expires']);

/** What events have told of a worker. */
export interface WorkerStatus {
  readonly nodename: string;
  pid: number | null;
  /** Seconds between two beats. */
  freq: number;
  /** Tasks that run. */
  active: number | null;
  processed: number | null;
  loadavg: readonly number[] | null;
  software: { readonly name: string | null; readonly version: string | null; readonly system: string | null };
  clock: number;
  /** Seconds since 1970; null once it said goodbye. */
  lastHeardS: number | null;
}

/** What events have told of a task. */
export interface TaskStatus {
  readonly uuid: string;
  /** Null while only events without it were seen. */
  name: string | null;
  state: string;
  worker: string | null;
  /** Who sent it, where a client says so. */
  client: string | null;
  args: string | null;
  kwargs: string | null;
  result: string | null;
  exception: string | null;
  traceback: string | null;
  runtime: number | null;
  retries: number | null;
  eta: string | null;
  expires: string | null;
  root_id: string | null;
  parent_id: string | null;
  queue: string | null;
  routing_key: string | null;
  exchange: string | null;
  /** When each thing happened, seconds since 1970, by the last part of the event's name: `received`, `started` … */
  readonly times: Map<string, number>;
  /** Of the latest change of state. */
  timestamp: number | null;
  clock: number;
}

/** How much is remembered. */
export interface ClusterStateOptions {
  readonly maxWorkers?: number;
  readonly maxTasks?: number;
}

/** What the events so far add up to: workers, and the latest tasks. Beyond `maxWorkers` and `maxTasks` the oldest are forgotten. */
export class ClusterState {
  readonly workers = new Map<string, WorkerStatus>();
  /** In the order in which they were first heard of. */
  readonly tasks = new Map<string, TaskStatus>();
  /** All events, of any kind. */
  eventCount = 0;
  /** Events by type. */
  readonly eventCounts = new Map<string, number>();
  /** How many of the known tasks are in each state. */
  readonly stateCounts = new Map<string, number>();
  readonly #maxWorkers: number;
  readonly #maxTasks: number;
  readonly #rates = new Map<string, Rate>();

  constructor({ maxWorkers = 5_000, maxTasks = 10_000 }: ClusterStateOptions = {}) {
    this.#maxWorkers = maxWorkers;
    this.#maxTasks = maxTasks;
  }

  event(event: ReceivedEvent): void {
    this.eventCount += 1;
    this.#count(event.type, event.local_received);
    const group = eventGroup(event.type);
    const subject = event.type.slice(group.length + 1);
    if (group === 'worker') this.#workerEvent(subject, event);
    else if (group === 'task') this.#taskEvent(subject, event);
  }

  /** Those that are up, by name. */
  alive(nowS: number): WorkerStatus[] {
    return [...this.workers.values()].filter((worker) => isAlive(worker, nowS)).sort((a, b) => (a.nodename < b.nodename ? -1 : 1));
  }

  /** Events of this type a second, over the last ten seconds. */
  rate(type: string, nowS: number): number {
    return this.#rates.get(type)?.perSecond(nowS) ?? 0;
  }

  #count(type: string, nowS: number): void {
    // Types come from strangers; there are not that many.
    if (!this.eventCounts.has(type) && this.eventCounts.size >= 1_000) return;
    this.eventCounts.set(type, (this.eventCounts.get(type) ?? 0) + 1);
    let rate = this.#rates.get(type);
    if (rate === undefined) {
      rate = new Rate();
      this.#rates.set(type, rate);
    }
    rate.count(nowS);
  }

  #workerEvent(subject: string, event: ReceivedEvent): void {
    const nodename = text(event.hostname);
    if (nodename === null) return;
    if (subject === 'offline') {
      const gone = this.workers.get(nodename);
      if (gone !== undefined) gone.lastHeardS = null;
      return;
    }
    this.#heard(nodename, event);
  }

  /** Any event of a worker proves that it is there. */
  #heard(nodename: string, event: ReceivedEvent): WorkerStatus {
    let worker = this.workers.get(nodename);
    if (worker === undefined) {
      worker = newWorker(nodename);
      this.workers.set(nodename, worker);
      dropOldest(this.workers, this.#maxWorkers);
    }
    worker.lastHeardS = Math.max(worker.lastHeardS ?? 0, event.local_received);
    if (event.type.startsWith('worker-') && event.clock >= worker.clock) readWorker(worker, event);
    return worker;
  }

  #taskEvent(subject: string, event: ReceivedEvent): void {
    const uuid = text(event['uuid']);
    if (uuid === null) return;
    let task = this.tasks.get(uuid);
    if (task === undefined) {
      task = newTask(uuid);
      this.tasks.set(uuid, task);
      this.#moved(undefined, task.state);
      for (const gone of dropOldest(this.tasks, this.#maxTasks)) this.#moved(gone.state, undefined);
    }
    const hostname = text(event.hostname);
    const before = task.state;
    applyTaskEvent(task, subject, event, task.worker !== null && task.worker === hostname ? 'same worker' : 'another');
    this.#moved(before, task.state);
    if (subject === 'sent') task.client = hostname;
    else if (hostname !== null) {
      task.worker = hostname;
      this.#heard(hostname, event);
    }
  }

  #moved(from: string | undefined, to: string | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.stateCounts.set(from, (this.stateCounts.get(from) ?? 1) - 1);
    if (to !== undefined) this.stateCounts.set(to, (this.stateCounts.get(to) ?? 0) + 1);
  }
}

export function isAlive({ lastHeardS, freq }: WorkerStatus, nowS: number): boolean {
  return lastHeardS !== null && nowS < lastHeardS + freq * BEATS_MISSED;
}

function newWorker(nodename: string): WorkerStatus {
  return {
    nodename,
    pid: null,
    freq: DEFAULT_FREQUENCY_S,
    active: null,
    processed: null,
    loadavg: null,
    software: { name: null, version: null, system: null },
    clock: 0,
    lastHeardS: null,
  };
}

/** The heartbeat that was asked for says less than the others: what it leaves out stays. */
function readWorker(worker: WorkerStatus, event: ReceivedEvent): void {
  worker.clock = event.clock;
  worker.pid = number(event.pid) ?? worker.pid;
  worker.freq = positive(event['freq']) ?? worker.freq;
  worker.active = number(event['active']) ?? worker.active;
  worker.processed = number(event['processed']) ?? worker.processed;
  const { loadavg } = event;
  if (Array.isArray(loadavg)) worker.loadavg = loadavg.filter((value): value is number => typeof value === 'number');
  worker.software = {
    name: text(event['sw_ident']) ?? worker.software.name,
    version: text(event['sw_ver']) ?? worker.software.version,
    system: text(event['sw_sys']) ?? worker.software.system,
  };
}

function newTask(uuid: string): TaskStatus {
  return {
    uuid,
    name: null,
    state: PENDING,
    worker: null,
    client: null,
    args: null,
    kwargs: null,
    result: null,
    exception: null,
    traceback: null,
    runtime: null,
    retries: null,
    eta: null,
    expires: null,
    root_id: null,
    parent_id: null,
    queue: null,
    routing_key: null,
    exchange: null,
    times: new Map(),
    timestamp: null,
    clock: 0,
  };
}

/**
 * An event that came before the present state only fills in what is missing. One worker's clock says
 * which came before; between two of them it is the order in which states follow each other.
 */
function applyTaskEvent(task: TaskStatus, subject: string, event: ReceivedEvent, from: 'same worker' | 'another'): void {
  const state = STATE_OF[subject] ?? subject.toUpperCase().slice(0, 50);
  const timestamp = number(event.timestamp) ?? event.local_received;
  if (Object.hasOwn(STATE_OF, subject)) task.times.set(subject, timestamp);
  const precedes = state !== RETRY && task.state !== RETRY && precedence(state) > precedence(task.state);
  const isLate = from === 'same worker' ? event.clock < task.clock : precedes;
  if (!isLate) {
    task.state = state;
    task.timestamp = timestamp;
    task.clock = event.clock;
  }
  const readable = (field: string): boolean => !isLate || state !== RECEIVED || FROM_RECEIVED.has(field);
  for (const field of TEXT_FIELDS) {
    const value = text(event[field]);
    if (value !== null && readable(field)) task[field] = value;
  }
  for (const field of NUMBER_FIELDS) {
    const value = number(event[field]);
    if (value !== null && readable(field)) task[field] = value;
  }
}

const TEXT_FIELDS = [
  ...(['name', 'args', 'kwargs', 'result', 'exception', 'traceback', 'eta', 'expires'] as const),
  ...(['root_id', 'parent_id', 'queue', 'routing_key', 'exchange'] as const),
] as const;
const NUMBER_FIELDS = ['runtime', 'retries'] as const;

/** The states after which nothing comes. */
export function isFinished({ state }: TaskStatus): boolean {
  return READY_STATES.has(state);
}

function dropOldest<Value>(map: Map<string, Value>, limit: number): Value[] {
  const dropped: Value[] = [];
  for (const [key, value] of map) {
    if (map.size <= limit) break;
    map.delete(key);
    dropped.push(value);
  }
  return dropped;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function positive(value: unknown): number | null {
  const given = number(value);
  return given === null || given <= 0 ? null : given;
}
