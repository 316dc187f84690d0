/** What a pool cannot do, and why: its test leaves the case out, docs/pools.md shows the reason. */
import type { PoolKind } from '../pool.js';

type Skips = Readonly<Record<string, string>>;

const SHARED_PROCESS = 'tasks share the worker’s own process: nothing can end one from outside, and what ends the process ends the worker';

const inTheWorkersProcess: Skips = {
  'the hard limit ends a busy loop, the others in flight finish, and the next task runs within a second': SHARED_PROCESS,
  'a busy loop is terminated, by SIGTERM within a second and by SIGKILL at once': SHARED_PROCESS,
  'a task that ends its process is told as a lost worker, and the pool heals': SHARED_PROCESS,
  'so is one whose process is killed, or crashes': SHARED_PROCESS,
  'a task that fills the heap is told as a lost worker, and the pool heals': SHARED_PROCESS,
  'nothing of a task that was ended at its limit runs on beside the next':
    'the run is over, its code goes on until it ends by itself: only a child can be thrown away',
  'one that took its signal and does not react fails some seconds later': 'it may carry on for as long as it likes, as in Python',
  'tasks that compute run beside each other': 'one event loop computes one thing at a time',
  'where the code of a busy loop is can be seen from outside, and nobody is disturbed by that':
    'a busy loop leaves nobody free to look; what waits is nowhere in particular',
  'no process is left after a close': 'there is no process but the worker’s',
  'a shrunken pool lets children go, one more than its slots stays': 'there are no children',
  'a child is replaced after so many tasks, and no task is lost at that': 'there are no children: --max-tasks-per-child is refused',
  'a child that has grown too large is replaced': 'there are no children: --max-memory-per-child is refused',
  'a restart replaces all children, and what runs finishes in the old ones': 'there are no children: pool_restart is refused',
  'a run that waits for its turn is ended without having begun': 'nothing waits in the pool: the worker keeps what has no slot',
  'one at a time runs in the order in which they came': 'nothing waits in the pool: the worker keeps what has no slot',
};

export const poolSkips: Readonly<Record<PoolKind, Skips>> = {
  async: inTheWorkersProcess,
  solo: {
    ...inTheWorkersProcess,
    'as many tasks as it has slots run at once': 'it has one slot',
    'it grows and shrinks while it works': 'it has one slot: pool_grow and pool_shrink are refused',
  },
  threads: {
    'so is one whose process is killed, or crashes':
      'threads share the worker’s process: a crash of native code ends the worker, and another worker takes its tasks',
    'a shrunken pool lets children go, one more than its slots stays': 'all threads are one process',
  },
  prefork: {},
};
