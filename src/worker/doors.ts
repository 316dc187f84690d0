/** Where a worker answers others than the broker: probes, and who collects metrics. */
import type { Consumer } from '../broker.js';
import { hostOf, type TaskTally } from '../metrics/task-tally.js';
import type { MetricsServer } from '../metrics/server.js';
import { CTQ_VERSION } from '../version.js';
import { Health, type WatchedWorker } from './health/health.js';
import type { WorkerOptions, WorkerParts } from './worker-parts.js';

type DoorParts = Pick<WorkerParts, 'broker' | 'clock' | 'logger' | 'nodename' | 'settings' | 'signals'>;

export class Doors {
  #health: Health | undefined;
  #metrics: MetricsServer | undefined;
  #worker: WatchedWorker | undefined;
  #stopCounting: () => void = () => {};

  /**
   * @param tally - What the worker counts; undefined when nobody asked for metrics.
   * @throws OutputFileError when a port is taken or the file cannot be written.
   */
  static async open(parts: DoorParts, options: WorkerOptions, tally: TaskTally | undefined): Promise<Doors> {
    const doors = new Doors();
    try {
      if (options.health !== undefined) doors.#health = await Health.open(parts, options.health);
      if (options.metrics !== undefined && tally !== undefined) {
        const { openMetrics } = await import('../metrics/open-metrics.js');
        const fill = (): void => doors.#fill(parts, options, tally);
        doors.#metrics = await openMetrics(options.metrics, { families: tally.families, fill, logger: parts.logger });
        doors.#stopCounting = countSent(parts, tally);
      }
    } catch (error) {
      await doors.close();
      throw error;
    }
    return doors;
  }

  /** From now on there is something to look at. */
  watch(consumer: Consumer, worker: WatchedWorker): void {
    this.#worker = worker;
    this.#health?.watch(consumer, worker);
  }

  async close(): Promise<void> {
    this.#stopCounting();
    await Promise.all([this.#health?.close(), this.#metrics?.close()]);
  }

  /** What is looked up when somebody asks. */
  #fill({ nodename, settings }: DoorParts, options: WorkerOptions, { families }: TaskTally): void {
    const host = hostOf(nodename);
    families.family('ctq_worker_info').set(1, nodename, host, options.pool ?? settings.workerPool, CTQ_VERSION);
    families.family('celery_worker_up').set(1, host);
    const now = this.#worker?.();
    families.family('celery_worker_tasks_active').set(now?.running ?? 0, host);
    families.family('ctq_worker_ready').set(now?.ready === true && now.state === 'consuming' ? 1 : 0, host);
    families.family('ctq_worker_slots').set(now?.slots ?? 0, host);
    families.family('ctq_worker_tasks_waiting').set(now?.waiting ?? 0, host);
  }
}

/** What leaves this process: later steps, other tries, what its tasks and its beat send. */
function countSent({ signals, nodename }: DoorParts, { families }: TaskTally): () => void {
  const host = hostOf(nodename);
  const sent = families.family('celery_task_sent_total');
  return signals.afterTaskPublish.connect(({ sender, routingKey }) => {
    sent.of(sender, host, routingKey).value += 1;
  });
}
