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
import { DEFAULT_NODENAME, type Pool, type PoolOptions, type PoolWatch } from '../pool.js';

export class AsyncPool implements Pool {
  readonly kind: Pool['kind'] = 'async';
  readonly processes: readonly number[] = [process.pid];
  size: number;
  protected readonly options: PoolOptions;
  private readonly executor: Executor;

  constructor(options: PoolOptions) {
    this.options = options;
    this.size = options.size;
    this.executor = new Executor(options.environment);
  }

  /** Tells that task code runs here, as a child does when it begins. */
  async open(): Promise<this> {
    const { nodename = DEFAULT_NODENAME, environment } = this.options;
    await environment.signals.workerProcessInit.send({ sender: nodename, pid: process.pid });
    return this;
  }

  run(invocation: Invocation, watch: PoolWatch): Outcome | Promise<Outcome> {
    return this.executor.execute(invocation, watch);
  }

  async resize(size: number): Promise<void> {
    this.size = size;
  }

  async close(how: 'drain' | 'terminate'): Promise<void> {
    const { nodename = DEFAULT_NODENAME, environment } = this.options;
    if (how === 'terminate') this.executor.abortAll('shutdown');
    await this.executor.idle();
    await environment.signals.workerProcessShutdown.send({ sender: nodename, pid: process.pid, exitcode: 0 });
  }
}
