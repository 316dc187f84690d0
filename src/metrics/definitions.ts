/**
 * Every metric of ours: what it is called, what it means, which labels it has. Names, labels and buckets that begin with
 * `celery_` are those of danihodovic/celery-exporter (src/exporter.py), so that its dashboards and alerts work; what it has
 * no name for begins with `ctq_`.
 */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in seconds, without the infinite one. */
  readonly buckets?: readonly number[];
}

const TASK = ['name', 'hostname', 'queue_name'] as const;
const QUEUE = ['queue_name'] as const;
const HOST = ['hostname'] as const;

/** prometheus_client's `Histogram.DEFAULT_BUCKETS`. */
const RUNTIME_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const WAIT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

const counter = (help: string, labels: readonly string[]): MetricDefinition => ({ type: 'counter', help, labels });
const gauge = (help: string, labels: readonly string[]): MetricDefinition => ({ type: 'gauge', help, labels });
const histogram = (help: string, labels: readonly string[], buckets: readonly number[]): MetricDefinition => ({
  type: 'histogram',
  ...{ help, labels, buckets },
});

export const METRICS = {
  celery_task_sent_total: counter('Tasks whose message was published.', TASK),
  celery_task_received_total: counter('Tasks that a worker received.', TASK),
  celery_task_started_total: counter('Runs that began.', TASK),
  celery_task_succeeded_total: counter('Tasks that succeeded.', TASK),
  celery_task_failed_total: counter('Tasks that failed.', ['name', 'hostname', 'exception', 'queue_name']),
  celery_task_rejected_total: counter('Tasks that were rejected, for good or back to the queue.', TASK),
  celery_task_revoked_total: counter('Tasks that were revoked or expired.', TASK),
  celery_task_retried_total: counter('Runs that asked for another try.', TASK),
  celery_task_runtime: histogram('Seconds that successful runs took.', TASK, RUNTIME_BUCKETS),
  celery_task_queue_wait_time: histogram(
    'Seconds from sending (or the ETA) to the start; of tasks whose sending was told of.',
    TASK,
    WAIT_BUCKETS,
  ),
  celery_worker_up: gauge('1 while heartbeats come, 0 after.', HOST),
  celery_worker_tasks_active: gauge('Tasks that run.', HOST),
  celery_queue_length: gauge('Messages that wait.', QUEUE),
  celery_active_consumer_count: gauge('Workers that take from the queue.', QUEUE),
  celery_active_worker_count: gauge('Workers that take from the queue.', QUEUE),
  celery_active_process_count: gauge('Slots of the workers that take from the queue.', QUEUE),

  ctq_worker_info: gauge('Always 1; who this worker is.', ['nodename', 'hostname', 'pool', 'version']),
  ctq_worker_ready: gauge('1 while it takes work.', HOST),
  ctq_worker_slots: gauge('How many tasks can run at once.', HOST),
  ctq_worker_tasks_waiting: gauge('Tasks that were taken and wait for a slot, a rate limit or their time.', HOST),
  ctq_beat_leading: gauge('1 while this beat sends what is due, 0 while another one does.', HOST),
  ctq_beat_entries: gauge('Entries of the schedule in the code.', HOST),
  ctq_queue_unacked: gauge('Messages that a worker has and has not answered for.', QUEUE),
  ctq_queue_delayed: gauge('Messages that wait for their time.', QUEUE),
  ctq_queue_paused: gauge('1 while nobody shall take from the queue.', QUEUE),
  ctq_queue_oldest_seconds: gauge('How long the oldest message has waited.', QUEUE),
  ctq_node_up: gauge('1 while heartbeats of this worker come, 0 after.', ['nodename', 'hostname']),
  ctq_node_task_events: gauge('0 where it runs tasks and sends no events of them, so that they are not counted.', ['nodename', 'hostname']),
  ctq_exporter_events_total: counter('Events that were heard.', ['type']),
  ctq_exporter_broker_up: gauge('1 when the broker could be asked.', []),
  ctq_exporter_series_dropped_total: counter('New series that were left out because there were too many.', []),
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof METRICS;
