/** What a worker says of itself in `stats`, Python's and ours alike. */
import { isRecord } from '../protocol/record.js';
import type { Reply } from '../remote-control/broadcast.js';

/** One worker, as `--json` prints it. Null where it does not say. */
export interface NodeStatus {
  readonly node: string;
  readonly status: 'online';
  readonly pid: number | null;
  readonly pool: string | null;
  readonly concurrency: number | null;
  /** Tasks begun since its start. */
  readonly processed: number | null;
  /** Seconds. */
  readonly uptime: number | null;
}

export function nodeStatus({ nodename, value }: Reply): NodeStatus {
  const stats = isRecord(value) ? value : {};
  const pool = isRecord(stats['pool']) ? stats['pool'] : {};
  const total = isRecord(stats['total']) ? Object.values(stats['total']) : undefined;
  return {
    node: nodename,
    status: 'online',
    pid: number(stats['pid']),
    pool: poolName(pool),
    concurrency: sizeOf(pool),
    processed: total === undefined ? null : total.reduce<number>((sum, count) => sum + (number(count) ?? 0), 0),
    uptime: number(stats['uptime']),
  };
}

/** Celery's workers keep no record of what failed; 5.2 tells itself only by its prefork's writes. */
export function isCelery(stats: unknown): boolean {
  const pool = isRecord(stats) && isRecord(stats['pool']) ? stats['pool'] : {};
  const { implementation } = pool;
  return typeof implementation === 'string' ? implementation.startsWith('celery.') : 'writes' in pool;
}

/** Celery's prefork says what it began with, also when it has grown or shrunk since; how many processes it has it says, too. */
function sizeOf(pool: Readonly<Record<string, unknown>>): number | null {
  const { processes } = pool;
  return 'writes' in pool && Array.isArray(processes) ? processes.length : number(pool['max-concurrency']);
}

/** `celery.concurrency.prefork:TaskPool` and `ctq.pools.async` → the part that tells. */
function poolName(pool: Readonly<Record<string, unknown>>): string | null {
  const { implementation } = pool;
  // Celery 5.2 does not say; only its prefork counts writes to its children.
  if (typeof implementation !== 'string') return 'writes' in pool ? 'prefork' : null;
  return implementation.replace(/:.*$/, '').split('.').at(-1) ?? null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
