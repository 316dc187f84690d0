/** A small estate that never was, at 2026-11-21 12:00:00 UTC. */
import type { QueueView } from '../../../../src/ctq/queue-census.js';
import type { FailureRow, Snapshot, TaskRow, WorkerRow } from '../../../../src/cli/top/model.js';
import type { KeyPress } from '../../../../src/cli/top/reduce.js';
import { beginning, type TopState } from '../../../../src/cli/top/state.js';

export const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

export function worker(more: Partial<WorkerRow> = {}): WorkerRow {
  return {
    node: 'ctq1@web-1',
    state: 'up',
    heardAtMs: NOW_MS,
    pool: 'async',
    concurrency: 100,
    running: 2,
    begun: 1_234_567,
    rate: 45.25,
    uptimeS: 86_400 * 3,
    memoryBytes: 123 * 1024 * 1024,
    load: 0.75,
    queues: ['celery', 'mail'],
    stats: { total: { 'tasks.add': 1_234_567 }, pid: 4711, pool: { 'max-concurrency': 100 } },
    ...more,
  };
}

export function queue(more: Partial<QueueView> = {}): QueueView {
  return {
    name: 'celery',
    ready: 200_000,
    readyByPriority: [{ priority: 0, count: 200_000 }],
    unacked: 4,
    delayed: 12,
    paused: false,
    consumers: ['ctq1@web-1'],
    oldest: { ageMs: 90_000, basis: 'header' },
    finishRate: { perSecond: 45.2, known: 'exactly' },
    publishRate: { perSecond: 100.4, known: 'at least' },
    ...more,
  };
}

export function task(more: Partial<TaskRow> = {}): TaskRow {
  return {
    id: '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368',
    task: 'tasks.fetch_page',
    node: 'ctq1@web-1',
    queue: 'celery',
    startedAtMs: NOW_MS - 12_000,
    args: "('https://example.org',)",
    kwargs: '{}',
    pid: 4711,
    priority: 0,
    redelivered: false,
    acknowledged: false,
    ...more,
  };
}

export function failure(more: Partial<FailureRow> = {}): FailureRow {
  const id = more.id ?? '0d9b7f0e-62b1-4f5c-9c61-0d8c3f8f1a2b';
  return {
    key: id,
    id,
    task: 'tasks.report',
    queue: 'celery',
    worker: 'ctq1@web-1',
    reason: 'ValueError: no such customer: 12345',
    retries: 3,
    atMs: NOW_MS - 300_000,
    source: 'record',
    ...more,
  };
}

export function snapshot(more: Partial<Snapshot> = {}): Snapshot {
  return {
    atMs: NOW_MS,
    broker: 'redis://prod.example.org:6379/0',
    workers: [
      worker(),
      worker({ node: 'py1@web-2', pool: 'prefork', concurrency: 8, running: 1, begun: 987, rate: 0, load: null, queues: ['celery'] }),
      worker({ node: 'py2@web-3', state: 'silent', running: null, rate: null, heardAtMs: NOW_MS - 30_000 }),
    ],
    queues: [
      queue(),
      queue({
        name: 'mail',
        ready: 7,
        readyByPriority: [
          { priority: 0, count: 5 },
          { priority: 9, count: 2 },
        ],
        paused: true,
        oldest: { ageMs: 5_000, basis: 'estimate' },
      }),
      queue({ name: 'video', ready: 3, consumers: [], finishRate: undefined, publishRate: undefined, oldest: undefined }),
    ],
    tasks: [
      task(),
      task({ id: 'b3a4d2f1-0000-4000-8000-000000000001', task: 'tasks.add', startedAtMs: NOW_MS - 400, args: '(1, 2)', node: 'py1@web-2' }),
      task({ id: 'b3a4d2f1-0000-4000-8000-000000000002', startedAtMs: NOW_MS - 7_300_000, args: '()', kwargs: "{'customer': 12345}" }),
    ],
    tasksLeftOut: 0,
    failures: [
      failure(),
      failure({
        id: '9a9a9a9a-62b1-4f5c-9c61-0d8c3f8f1a2b',
        task: null,
        worker: null,
        reason: 'KeyError: 7',
        atMs: NOW_MS - 9_000_000,
        source: 'result',
      }),
    ],
    moreFailures: false,
    silent: 1,
    flow: { begun: 45.25, events: { succeeded: 44, failed: 0.3, retried: 0 } },
    ...more,
  };
}

export function state(more: Partial<TopState> = {}, known: Partial<Snapshot> = {}): TopState {
  const begun = beginning({ snapshot: snapshot(known), intervalMs: 2_000, pane: 'workers', sort: undefined, filter: '' });
  return { ...begun, ...more };
}

/** `x`, `\r`, `up`: a letter types itself, the others have names. */
export function press(key: string): KeyPress {
  const named = key.length > 1;
  const ctrl = key.startsWith('ctrl-');
  return { name: ctrl ? key.slice(5) : named ? key : key.toLowerCase(), text: named ? '' : key, ctrl, shift: false, pasted: false };
}
