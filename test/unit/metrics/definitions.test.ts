import { expect, it } from 'vitest';
import { METRICS } from '../../../src/metrics/definitions.js';

/** https://github.com/danihodovic/celery-exporter, src/exporter.py at 012e11e: what it registers, with the ending that prometheus_client gives counters. */
const TASK = ['name', 'hostname', 'queue_name'];
const THEIRS: Readonly<Record<string, readonly [type: string, labels: readonly string[]]>> = {
  celery_task_sent_total: ['counter', TASK],
  celery_task_received_total: ['counter', TASK],
  celery_task_started_total: ['counter', TASK],
  celery_task_succeeded_total: ['counter', TASK],
  celery_task_failed_total: ['counter', ['name', 'hostname', 'exception', 'queue_name']],
  celery_task_rejected_total: ['counter', TASK],
  celery_task_revoked_total: ['counter', TASK],
  celery_task_retried_total: ['counter', TASK],
  celery_task_runtime: ['histogram', TASK],
  celery_worker_up: ['gauge', ['hostname']],
  celery_worker_tasks_active: ['gauge', ['hostname']],
  celery_queue_length: ['gauge', ['queue_name']],
  celery_active_consumer_count: ['gauge', ['queue_name']],
  celery_active_worker_count: ['gauge', ['queue_name']],
  celery_active_process_count: ['gauge', ['queue_name']],
};

it('metrics have celery-exporter’s names, kinds and labels, so that its dashboards and alerts go on', () => {
  const ours = Object.entries(METRICS).map(([name, { type, labels }]) => [name, [type, [...labels]]] as const);
  expect(Object.fromEntries(ours.filter(([name]) => name in THEIRS))).toEqual(THEIRS);
  // Whatever else there is, nobody takes for its.
  expect(ours.map(([name]) => name).filter((name) => !(name in THEIRS) && !/^ctq_|^celery_task_queue_wait_time$/.test(name))).toEqual([]);
});
