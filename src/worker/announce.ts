/** What a worker says about itself before it begins. */
import { arch, release, type } from 'node:os';
import type { Queue } from '../broker.js';
import type { Pool } from '../pool.js';
import { CTQ_VERSION } from '../version.js';
import { bannerText } from './banner.js';
import type { WorkerOptions, WorkerParts } from './worker-parts.js';

export function announce(parts: WorkerParts, pool: Pool, queues: readonly Queue[], autoscale?: WorkerOptions['autoscale']): void {
  const { voice, nodename, appName, broker, backend, settings, tasks, logger, clock } = parts;
  voice?.banner(
    bannerText({
      nodename,
      version: CTQ_VERSION,
      platform: `${type()}-${release()}-${arch()}-node-${process.versions.node}`,
      startedAt: new Date(clock.nowMs()),
      appName,
      transport: broker.displayUrl,
      results: backend.displayUrl,
      concurrency: autoscale === undefined ? String(pool.size) : `{min=${autoscale.min}, max=${autoscale.max}}`,
      pool: pool.kind,
      taskEvents: settings.workerSendTaskEvents ? 'on' : 'off',
      queues,
      tasks: logger.isEnabled('info') ? [...tasks.keys()] : undefined,
    }),
  );
  const limited = settings.taskTimeLimit !== null || [...tasks.values()].some(({ options }) => (options.timeLimit ?? null) !== null);
  const sharesOurProcess = pool.kind === 'async' || pool.kind === 'solo';
  if (sharesOurProcess && limited) {
    logger.warning(
      'Time limits in the %s pool end the run of a task, store its failure and free its slot; a task that never awaits cannot be stopped',
      pool.kind,
    );
  }
}
