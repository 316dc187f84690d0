/** What `ctq top` knows at one moment: plain data, so that what is shown of it can be computed without a broker or a terminal. */
import type { FailedSource } from '../../ctq/failed-task.js';
import type { QueueView } from '../../ctq/queue-census.js';

/** `silent`: it has the question and does not answer; `gone`: nobody listens under that name any more. */
export type WorkerState = 'up' | 'silent' | 'gone';

/** null where it does not say. */
export interface WorkerRow {
  readonly node: string;
  readonly state: WorkerState;
  /** When it last answered. */
  readonly heardAtMs: number;
  readonly pool: string | null;
  readonly concurrency: number | null;
  readonly running: number | null;
  /** Tasks begun since its start. */
  readonly begun: number | null;
  /** The same a second, between two looks. */
  readonly rate: number | null;
  readonly uptimeS: number | null;
  readonly memoryBytes: number | null;
  /** Load of its machine over a minute; only events tell. */
  readonly load: number | null;
  readonly queues: readonly string[];
  /** Its answer to `stats`. */
  readonly stats: unknown;
}

export interface TaskRow {
  readonly id: string;
  readonly task: string;
  readonly node: string;
  /** The routing key that it came by. */
  readonly queue: string | null;
  readonly startedAtMs: number | null;
  /** As people write them. */
  readonly args: string;
  readonly kwargs: string;
  readonly pid: number | null;
  readonly priority: number | null;
  readonly redelivered: boolean | null;
  readonly acknowledged: boolean | null;
}

export interface FailureRow {
  /** Names the row; its task's id where it has one. */
  readonly key: string;
  /** '' of a message that is none. */
  readonly id: string;
  readonly task: string | null;
  readonly queue: string | null;
  readonly worker: string | null;
  readonly reason: string;
  readonly retries: number | null;
  readonly atMs: number | null;
  readonly source: FailedSource | 'event';
}

/** What happens, a second. */
export interface Flow {
  /** Tasks begun, by the workers' own counts between two looks; null at the first. */
  readonly begun: number | null;
  /** What the events of the last ten seconds say; null when no worker tells of its tasks. */
  readonly events: { readonly succeeded: number; readonly failed: number; readonly retried: number } | null;
}

export interface Snapshot {
  readonly atMs: number;
  /** URL with its password masked. */
  readonly broker: string;
  readonly workers: readonly WorkerRow[];
  readonly queues: readonly QueueView[];
  readonly tasks: readonly TaskRow[];
  /** How many tasks run that have no row: there are too many. */
  readonly tasksLeftOut: number;
  readonly failures: readonly FailureRow[];
  /** There are more failed tasks than have rows. */
  readonly moreFailures: boolean;
  /** How many workers had a question and did not answer in time. */
  readonly silent: number;
  /** Why no worker could be asked. */
  readonly unasked?: string;
  readonly flow: Flow;
}

export const PANES = ['workers', 'queues', 'tasks', 'failures'] as const;
export type PaneName = (typeof PANES)[number];

/** What a row is about. */
export type Subject =
  | { readonly kind: 'worker'; readonly row: WorkerRow }
  | { readonly kind: 'queue'; readonly row: QueueView }
  | { readonly kind: 'task'; readonly row: TaskRow }
  | { readonly kind: 'failure'; readonly row: FailureRow };
