/**
 * Worker threads: a loop that never yields can be ended, and a child costs a third of a process. One
 * memory for all of them: native code that crashes takes the worker with it.
 */
import type { Pool, PoolOptions } from '../../pool.js';
import { ChildPool } from '../child-pool.js';
import { ThreadMember } from './thread-member.js';

export function openThreadsPool(options: PoolOptions): Promise<Pool> {
  return new ChildPool(
    {
      kind: 'threads',
      weigh: 'thread',
      nameOf: (index) => `ThreadPoolWorker-${index}`,
      // They are in the main process, and as in Celery their lines say so.
      logFields: (name) => ({ thread_name: name }),
      spawn: (name, events) => new ThreadMember(name, events),
    },
    options,
  ).open();
}
