/** The pool as remote control sees it: grown, shrunk, restarted, and shown with Celery's names. */
import type { Pool } from '../pool.js';
import { CommandError, type WorkerView } from '../remote-control/command.js';
import type { PanelParts } from './panel.js';

/** What a mistyped or hostile `pool_grow` may at most cost: processes and threads are dear, turns of the event loop are not. */
const MOST_SLOTS: Readonly<Record<Pool['kind'], number>> = { async: 100_000, threads: 512, prefork: 512, solo: 1 };

type ViewedParts = Pick<PanelParts, 'pool' | 'dispatcher' | 'remote' | 'autoscaler'>;

export function poolView({ pool, dispatcher, remote, autoscaler }: ViewedParts): WorkerView['pool'] {
  const { settings } = remote;
  return {
    kind: pool.kind,
    autoscale: autoscaler,
    async grow(by) {
      if (pool.kind === 'solo') throw new CommandError('AttributeError', "'TaskPool' object has no attribute 'grow'");
      if (pool.size + by < 1) throw new CommandError('ValueError', `Cannot shrink the pool of ${pool.size} by ${-by}: one must be left`);
      const most = MOST_SLOTS[pool.kind];
      if (pool.size + by > most) throw new CommandError('ValueError', `Cannot grow the pool of ${pool.size} by ${by}: ${most} is the most`);
      await pool.resize(pool.size + by);
      dispatcher.round();
    },
    ...(pool.restart === undefined ? {} : { restart: () => pool.restart?.() }),
    info: () => ({
      implementation: `ctq.pools.${pool.kind}`,
      'max-concurrency': pool.size,
      ...(pool.kind === 'threads' ? { threads: pool.size } : {}),
      processes: pool.processes,
      'max-tasks-per-child': settings.workerMaxTasksPerChild ?? 'N/A',
      'put-guarded-by-semaphore': false,
      timeouts: [settings.taskSoftTimeLimit ?? 0, settings.taskTimeLimit ?? 0],
      running: dispatcher.running.size,
    }),
  };
}
