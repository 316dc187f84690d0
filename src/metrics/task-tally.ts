/** What becomes of tasks, counted by name, host and queue as celery-exporter counts it. */
import type { Families, HistogramFamily, HistogramSeries, Series } from './families.js';

export type TaskEnd = 'succeeded' | 'rejected' | 'revoked' | 'retried';

/** The numbers of one task in one queue on one host; all of them begin at zero, so that a rate sees the first step. */
export class TaskSeries {
  readonly received: Series;
  readonly started: Series;
  readonly ends: Readonly<Record<TaskEnd, Series>>;
  readonly #runtimes: HistogramFamily;
  readonly #runtime: HistogramSeries;
  readonly #failed: (exception: string) => Series;

  constructor(families: Families, name: string, hostname: string, queue: string) {
    const of = (what: 'received' | 'started' | TaskEnd): Series => families.family(`celery_task_${what}_total`).of(name, hostname, queue);
    this.received = of('received');
    this.started = of('started');
    this.ends = { succeeded: of('succeeded'), rejected: of('rejected'), revoked: of('revoked'), retried: of('retried') };
    this.#runtimes = families.histogram('celery_task_runtime');
    this.#runtime = this.#runtimes.of(name, hostname, queue);
    const failures = families.family('celery_task_failed_total');
    this.#failed = (exception) => failures.of(name, hostname, exception, queue);
    this.#failed('');
  }

  ran(seconds: number): void {
    this.#runtimes.observe(this.#runtime, seconds);
  }

  /** @param exception - The name of its class. */
  failed(exception: string): void {
    this.#failed(exception).value += 1;
  }
}

export class TaskTally {
  readonly families: Families;
  readonly #series = new Map<string, Map<string, TaskSeries>>();
  readonly #hostname: string;

  constructor(families: Families, hostname: string) {
    this.families = families;
    this.#hostname = hostname;
  }

  of(name: string, queue: string): TaskSeries {
    let queues = this.#series.get(name);
    if (queues === undefined) this.#series.set(name, (queues = new Map<string, TaskSeries>()));
    let series = queues.get(queue);
    if (series === undefined) queues.set(queue, (series = new TaskSeries(this.families, name, this.#hostname, queue)));
    return series;
  }
}

/** `celery@web` runs on `web`: what celery-exporter takes for the label, so that it has few values. */
export function hostOf(nodename: string): string {
  return nodename.slice(nodename.indexOf('@') + 1);
}
