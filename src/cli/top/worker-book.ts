/** The workers, from one round of answers to the next: who is up, who is silent, who has gone. */
import type { ClusterState, WorkerStatus } from '../../events/cluster-state.js';
import { isRecord } from '../../protocol/record.js';
import { nodeStatus } from '../node-status.js';
import type { TaskRow, WorkerRow, WorkerState } from './model.js';
import type { Answers } from './round.js';

/** A worker that does not answer stays on the screen so long, one that has gone less. */
const SILENT_KEPT_MS = 300_000;
const GONE_KEPT_MS = 30_000;
/** Over less a rate is a matter of luck. */
const SHORTEST_MS = 500;
/** What a screen cannot show nobody misses. */
const MOST_WORKERS = 2_000;
const MOST_TASKS = 2_000;
/** Texts of strangers; Celery cuts at 1024 by itself. */
const LONGEST_TEXT = 2_000;

export interface WorkerAnswers {
  readonly stats: Answers;
  readonly queues: Answers;
  readonly active: Answers;
}

export interface WorkerCensus {
  readonly workers: readonly WorkerRow[];
  readonly tasks: readonly TaskRow[];
  readonly tasksLeftOut: number;
  readonly silent: number;
  /** Tasks begun a second; null at the first look. */
  readonly begun: number | null;
}

export interface Moment {
  /** For storing. */
  readonly nowMs: number;
  /** For measuring. */
  readonly monotonicMs: number;
}

export class WorkerBook {
  #known = new Map<string, WorkerRow>();
  /** What each had begun, and when it said so: what its rate is measured from. */
  #counted: ReadonlyMap<string, Counted> | undefined;

  update({ stats, queues, active }: WorkerAnswers, { nowMs, monotonicMs }: Moment, events: ClusterState | undefined): WorkerCensus {
    const counted = new Map<string, Counted>();
    const queuesOf = new Map(queues.replies.map(({ nodename, value }) => [nodename, namesOf(value)]));
    const tasksOf = new Map(active.replies.map(({ nodename, value }) => [nodename, Array.isArray(value) ? (value as unknown[]) : null]));
    const rows = new Map<string, WorkerRow>();
    for (const reply of stats.replies.slice(0, MOST_WORKERS)) {
      const before = this.#known.get(reply.nodename);
      const status = nodeStatus(reply);
      const { rate, from } = rateOf(this.#counted?.get(reply.nodename), { begun: status.processed, atMs: monotonicMs, rate: null });
      counted.set(reply.nodename, from);
      rows.set(reply.nodename, {
        ...{ node: reply.nodename, state: 'up', heardAtMs: nowMs, stats: reply.value },
        ...{ pool: status.pool, concurrency: status.concurrency, begun: status.processed, uptimeS: status.uptime },
        running: tasksOf.get(reply.nodename)?.length ?? null,
        rate,
        memoryBytes: memoryOf(reply.value),
        load: events?.workers.get(reply.nodename)?.loadavg?.[0] ?? null,
        queues: queuesOf.get(reply.nodename) ?? before?.queues ?? [],
      });
    }
    const { reached } = stats;
    // All that had the question have answered: whoever is missing does not listen any more.
    const missing: WorkerState = reached !== undefined && stats.replies.length >= reached ? 'gone' : 'silent';
    for (const before of this.#known.values()) {
      if (rows.has(before.node) || rows.size >= MOST_WORKERS) continue;
      const state = saidGoodbye(events?.workers.get(before.node)) ? 'gone' : missing;
      if (nowMs - before.heardAtMs > (state === 'gone' ? GONE_KEPT_MS : SILENT_KEPT_MS)) continue;
      rows.set(before.node, { ...before, state, running: null, rate: null });
    }
    this.#known = rows;
    const isFirst = this.#counted === undefined;
    this.#counted = counted;
    const tasks = [...tasksOf].flatMap(([node, list]) => (list ?? []).map((task) => ({ node, task })));
    const rates = [...rows.values()].flatMap(({ rate }) => (rate === null ? [] : [rate]));
    return {
      workers: [...rows.values()],
      tasks: tasks.slice(0, MOST_TASKS).flatMap(({ node, task }) => taskRow(node, task)),
      tasksLeftOut: Math.max(0, tasks.length - MOST_TASKS),
      silent: Math.max(0, (reached ?? 0) - stats.replies.length),
      begun: isFirst ? null : rates.reduce((sum, rate) => sum + rate, 0),
    };
  }
}

function saidGoodbye(status: WorkerStatus | undefined): boolean {
  return status !== undefined && status.lastHeardS === null;
}

interface Counted {
  readonly begun: number | null;
  readonly atMs: number;
  readonly rate: number | null;
}

/**
 * A worker that was started again counts from zero. Two looks that follow each other at once, after something was done, tell no rate:
 * two tasks in 75 ms would be 27 a second.
 */
function rateOf(before: Counted | undefined, now: Counted): { readonly rate: number | null; readonly from: Counted } {
  if (before === undefined || before.begun === null || now.begun === null || now.begun < before.begun) return { rate: null, from: now };
  if (now.atMs - before.atMs < SHORTEST_MS) return { rate: before.rate, from: before };
  const rate = ((now.begun - before.begun) / (now.atMs - before.atMs)) * 1000;
  return { rate, from: { ...now, rate } };
}

function memoryOf(stats: unknown): number | null {
  const usage = isRecord(stats) ? stats['rusage'] : undefined;
  const maxrss = isRecord(usage) ? usage['maxrss'] : undefined;
  // KiB, as Linux counts it.
  return typeof maxrss === 'number' && maxrss > 0 ? maxrss * 1024 : null;
}

function namesOf(value: unknown): readonly string[] {
  const queues: readonly unknown[] = Array.isArray(value) ? value : [];
  return queues.flatMap((queue) => (isRecord(queue) && typeof queue['name'] === 'string' ? [queue['name']] : []));
}

function taskRow(node: string, task: unknown): readonly TaskRow[] {
  if (!isRecord(task) || typeof task['id'] !== 'string') return [];
  const info = isRecord(task['delivery_info']) ? task['delivery_info'] : {};
  const startedS = task['time_start'];
  return [
    {
      ...{ id: task['id'], node, task: textOf(task['name']) },
      queue: textOf(info['routing_key']) || null,
      startedAtMs: typeof startedS === 'number' && startedS > 0 && startedS < 1e11 ? startedS * 1000 : null,
      ...{ args: textOf(task['args']), kwargs: textOf(task['kwargs']) },
      pid: numberOf(task['worker_pid']),
      priority: numberOf(info['priority']),
      redelivered: flagOf(info['redelivered']),
      acknowledged: flagOf(task['acknowledged']),
    },
  ];
}

/** Celery 5.2 gives arguments as they are, whatever was asked for. */
function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, LONGEST_TEXT);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function flagOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}
