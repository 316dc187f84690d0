/**
 * Tasks share this process and its event loop, `size` of them at once. The cheapest pool, and right for
 * work that waits for others; work that computes blocks all the rest, and nothing here can stop it:
 *
 * - a time limit ends the *run* (the result is stored, the slot is free), but not a busy loop
 * - `task.signal` is how a task learns that nobody waits for it any more
 */
import type { Invocation } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import { Executor } from '../execution/execute.js';
import type { Pool, PoolOptions, PoolWatch } from '../pool.js';

export class AsyncPool implements Pool {
  readonly kind = 'async';
  size: number;
  private readonly executor: Executor;

  constructor({ size, environment }: PoolOptions) {
    this.size = size;
    this.executor = new Executor(environment);
  }

  run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome> {
    return this.executor.execute(invocation, watch);
  }

  async resize(size: number): Promise<void> {
    this.size = size;
  }

  close(how: 'drain' | 'terminate'): Promise<void> {
    if (how === 'terminate') this.executor.abortAll('shutdown');
    return this.executor.idle();
  }
}
