/** Child processes: what a task does to its process ends there, and what must end can be killed. */
import type { Pool, PoolOptions } from '../../pool.js';
import { ChildPool } from '../child-pool.js';
import { ForkedMember } from './forked-member.js';

export function openPreforkPool(options: PoolOptions): Promise<Pool> {
  return new ChildPool(
    {
      kind: 'prefork',
      weigh: 'process',
      // Celery's name, which people look for in logs.
      nameOf: (index) => `ForkPoolWorker-${index}`,
      logFields: (name) => ({ process_name: name }),
      spawn: (name, events) => new ForkedMember(name, events),
    },
    options,
  ).open();
}
