/** What is known of a live estate: gathered elsewhere, judged here. */
import type { EstatePart } from '../estate/estate.js';
import type { StoreHealth } from '../estate/health.js';
import type { LetterCounts } from '../estate/dead-letters.js';
import type { OrphanReason } from '../estate/keys.js';
import type { QueueReport } from '../estate/queues.js';

export interface Facts {
  readonly nowMs: number;
  readonly estates: readonly EstateFacts[];
  /** Those that answered, by name. */
  readonly workers: readonly WorkerFacts[];
  /** How many heard the questions and said nothing in time. */
  readonly silentWorkers: number;
  /** One of the failures of which only a result is left that does not say what was called. */
  readonly nameless?: { readonly url: string; readonly taskId: string };
  /** Why nobody could be asked. */
  readonly unasked?: string;
  /** What the asker lacks for it; else the server takes no writes. */
  readonly lacks?: 'permission';
}

export interface EstateFacts {
  readonly url: string;
  readonly parts: readonly EstatePart[];
  readonly health: StoreHealth;
  readonly queues: readonly QueueFacts[];
  /** Messages that were kept; undefined where nobody counts them. */
  readonly failed?: LetterCounts;
  /** What stands where no worker takes it, and has not moved for a while. */
  readonly asides: readonly AsideFacts[];
  /** Why there may be more queues than these. */
  readonly blindSpot?: string;
  /** Results that nothing removes, and all there are. */
  readonly results: { readonly forEver: number; readonly all: number };
  /** How many of each; results are counted above. */
  readonly orphans: ReadonlyMap<OrphanReason, number>;
}

export interface AsideFacts {
  readonly by: 'a migration' | 'a purge';
  readonly id: string;
  readonly queues: readonly string[];
  readonly count: number;
  /** Where a migration went, when it wrote that down. */
  readonly to?: string;
}

export interface QueueFacts {
  readonly report: QueueReport;
  /** How many messages were looked at. */
  readonly sampled: number;
  /** Of those, how many of each content type. */
  readonly contentTypes: ReadonlyMap<string, number>;
  readonly priorities: ReadonlyMap<number, number>;
  /** The latest moment that one of them is to wait for. */
  readonly farthestEtaMs: number | undefined;
}

export type Software = 'celery' | 'ctq' | 'unknown';

export interface WorkerFacts {
  readonly name: string;
  readonly software: Software;
  /** Of `celery`, `kombu`, `ctq`, `node` …, as its report says. */
  readonly versions: Readonly<Record<string, string>>;
  /** `redis`, `amqp` …; undefined when it does not say. */
  readonly transport: string | undefined;
  /** Its clock minus ours. */
  readonly skewMs: number | undefined;
  /** undefined when it did not answer that. */
  readonly queues: readonly string[] | undefined;
  /** The names of its tasks; undefined when it did not answer that. */
  readonly tasks?: readonly string[] | undefined;
  /** By Celery's names; empty when it did not answer. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The latest ETA of what it holds. */
  readonly farthestEtaMs: number | undefined;
}
