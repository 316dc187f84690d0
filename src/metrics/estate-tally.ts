/** The events of a whole estate, counted as celery-exporter counts them: workers of Celery and of ctq, seen from outside. */
import type { ClusterState, TaskStatus } from '../events/cluster-state.js';
import type { ReceivedEvent } from '../events/receiver.js';
import { Families } from './families.js';
import { hostOf, type TaskEnd, TaskTally } from './task-tally.js';

export interface EstateTallyOptions {
  /** Of tasks whose sending nobody told of. */
  readonly defaultQueue: string;
  /** A worker that was silent for so long is down. */
  readonly timeoutS: number;
  /** And one that was silent for so long is forgotten, with all its numbers; 0 never. */
  readonly forgetAfterS: number;
}

const ENDS: Readonly<Record<string, TaskEnd>> = {
  'task-succeeded': 'succeeded',
  'task-rejected': 'rejected',
  'task-revoked': 'revoked',
  'task-retried': 'retried',
};
/** Where no event told the name. */
const NAMELESS = 'unknown';

interface Seen {
  lastS: number;
  active: number;
}

export class EstateTally {
  readonly families = new Families();
  readonly #options: EstateTallyOptions;
  readonly #tallies = new Map<string, TaskTally>();
  /** By node name. */
  readonly #workers = new Map<string, Seen>();
  /** Nodes that told of a task. */
  readonly #telling = new Set<string>();

  constructor(options: EstateTallyOptions) {
    this.#options = options;
    this.families.family('ctq_exporter_series_dropped_total').of();
  }

  /** @param state - What all events so far add up to, this one among them. */
  hear(event: ReceivedEvent, state: ClusterState): void {
    this.families.family('ctq_exporter_events_total').of(event.type).value += 1;
    const node = typeof event.hostname === 'string' ? event.hostname : '';
    const task = typeof event['uuid'] === 'string' ? state.tasks.get(event['uuid']) : undefined;
    if (event.type.startsWith('worker-')) this.#worker(event, node);
    else if (event.type === 'task-sent') this.#sent(event, node, task);
    else if (event.type.startsWith('task-') && typeof event['uuid'] === 'string') this.#task(event, node, task);
  }

  /** Which workers are up is a matter of time. */
  settle(nowS: number): void {
    const { timeoutS, forgetAfterS } = this.#options;
    const hosts = new Map<string, { up: number; active: number }>();
    for (const [node, { lastS, active }] of this.#workers) {
      const host = hostOf(node);
      const sum = hosts.get(host) ?? { up: 0, active: 0 };
      hosts.set(host, sum);
      this.families.family('ctq_node_up').set(0, node, host);
      if (nowS - lastS > timeoutS) continue;
      this.families.family('ctq_node_up').set(1, node, host);
      sum.up = 1;
      sum.active += active;
    }
    for (const [host, { up, active }] of hosts) {
      this.families.family('celery_worker_up').set(up, host);
      this.families.family('celery_worker_tasks_active').set(active, host);
    }
    if (forgetAfterS > 0) this.#forget(nowS - forgetAfterS);
  }

  /** Of a worker that runs tasks: are its events among those that were heard? */
  tellsOfTasks(node: string): boolean {
    const tells = this.#telling.has(node);
    this.families.family('ctq_node_task_events').set(tells ? 1 : 0, node, hostOf(node));
    return tells;
  }

  #worker(event: ReceivedEvent, node: string): void {
    if (event.type === 'worker-offline') {
      const seen = this.#workers.get(node);
      if (seen !== undefined) this.#workers.set(node, { lastS: event.local_received - this.#options.timeoutS - 1, active: 0 });
      return;
    }
    const active = typeof event['active'] === 'number' ? event['active'] : (this.#workers.get(node)?.active ?? 0);
    this.#workers.set(node, { lastS: event.local_received, active });
  }

  #sent(event: ReceivedEvent, node: string, task: TaskStatus | undefined): void {
    const name = typeof event['name'] === 'string' ? event['name'] : NAMELESS;
    const queue = typeof event['queue'] === 'string' ? event['queue'] : this.#options.defaultQueue;
    this.families.family('celery_task_sent_total').of(name, hostOf(node), queue).value += 1;
    // A client says so when it has sent, and a worker may have begun by then; of a retry, what has begun is the try before.
    const isRetry = Number(event['retries'] ?? 0) > 0;
    if (!isRetry && typeof task?.worker === 'string') this.#waited(task, [name, hostOf(task.worker), queue]);
  }

  #task(event: ReceivedEvent, node: string, task: TaskStatus | undefined): void {
    this.#telling.add(node);
    const host = hostOf(node);
    const name = task?.name ?? NAMELESS;
    const queue = task?.queue ?? this.#options.defaultQueue;
    const series = this.#tally(host).of(name, queue);
    const end = ENDS[event.type];
    if (event.type === 'task-received') series.received.value += 1;
    else if (event.type === 'task-started') {
      series.started.value += 1;
      this.#waited(task, [name, host, queue]);
    } else if (event.type === 'task-failed') series.failed(exceptionName(event['exception']));
    else if (end !== undefined) {
      series.ends[end].value += 1;
      if (end === 'succeeded' && typeof event['runtime'] === 'number') series.ran(event['runtime']);
    }
  }

  /** What was meant to wait is not counted: until its ETA, and a retry until its next try. */
  #waited(task: TaskStatus | undefined, labels: readonly string[]): void {
    const sentS = task?.times.get('sent');
    const startedS = task?.times.get('started');
    if (task === undefined || sentS === undefined || startedS === undefined) return;
    const etaS = task.eta === null ? Number.NaN : Date.parse(task.eta) / 1000;
    const waits = this.families.histogram('celery_task_queue_wait_time');
    waits.observe(waits.of(...labels), Math.max(0, startedS - Math.max(sentS, Number.isNaN(etaS) ? sentS : etaS)));
  }

  #tally(host: string): TaskTally {
    let tally = this.#tallies.get(host);
    if (tally === undefined) this.#tallies.set(host, (tally = new TaskTally(this.families, host)));
    return tally;
  }

  #forget(beforeS: number): void {
    const gone = [...this.#workers].filter(([, { lastS }]) => lastS < beforeS).map(([node]) => node);
    for (const node of gone) {
      this.#workers.delete(node);
      this.#telling.delete(node);
      this.families.forget((labels) => labels['nodename'] === node);
    }
    const left = new Set([...this.#workers.keys()].map(hostOf));
    for (const host of new Set(gone.map(hostOf))) {
      if (left.has(host)) continue;
      this.#tallies.delete(host);
      this.families.forget((labels) => labels['hostname'] === host);
    }
  }
}

/** `ValueError` of `ValueError('boom')`. */
function exceptionName(exception: unknown): string {
  return /^(\w+)\(/.exec(String(exception))?.[1] ?? 'UnknownException';
}
