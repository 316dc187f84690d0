/**
 * The thread that renews leases: started by `leases.ts`, one for each consumer, so that a task that
 * computes for a minute does not look like a dead worker. Plain messages go both ways.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.js';
import { clearAwayAfterStart } from '../start-garbage.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { OpenLeaseStore } from './lease-store.js';
import type { LeaseOrder, LeaseReport, LeaseThreadData } from './leases.js';

const engines: Readonly<Record<LeaseThreadData['engine'], () => Promise<OpenLeaseStore>>> = {
  redis: async () => (await import('./redis/lease-store.js')).openRedisLeaseStore,
  sqlite: async () => (await import('./sqlite/lease-store.js')).openSqliteLeaseStore,
};

async function run(data: LeaseThreadData, report: (report: LeaseReport) => void): Promise<LeaseKeeper> {
  const open = await engines[data.engine]();
  const store = await open(data.store);
  const keeper = new LeaseKeeper({
    store,
    ownerId: data.ownerId,
    clock: systemClock,
    reports: {
      renewed: () => report({ kind: 'renewed' }),
      lost: (tags) => report({ kind: 'lost', tags }),
      forgotten: () => report({ kind: 'forgotten' }),
      tookOver: (ownerId, count) => report({ kind: 'tookOver', ownerId, count }),
      paused: (queues) => report({ kind: 'paused', queues }),
      problem: (message) => report({ kind: 'problem', message }),
    },
  });
  parentPort?.on('message', (order: LeaseOrder) => {
    if (order.kind === 'tell') return keeper.tell(order.about);
    void keeper
      .stop()
      .then(() => store.close())
      .finally(() => parentPort?.close());
  });
  keeper.tell(data.about);
  keeper.start();
  return keeper;
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  clearAwayAfterStart();
  await run(workerData as LeaseThreadData, (report) => port.postMessage(report));
}
