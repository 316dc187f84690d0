/** Runs what the pool asks for, one at a time, with the app that was loaded here. */
import { getHeapStatistics } from 'node:v8';
import { systemClock } from '../clock.js';
import type { Ctq } from '../ctq.js';
import { decodeInvocation, encodeOutcome } from '../execution/crossing.js';
import { Executor } from '../execution/execute.js';
import type { Outcome } from '../execution/outcome.js';
import type { Logger } from '../logger.js';
import type { AbortReason, PoolWatch } from '../pool.js';
import type { ChildSetting, ToChild } from '../pools/child-messages.js';
import { stringifyJson } from '../protocol/kombu-json.js';
import type { Channel } from './channel.js';

export interface RunnerParts {
  readonly app: Ctq;
  readonly channel: Channel;
  readonly logger: Logger;
  readonly weigh: ChildSetting['weigh'];
}

export class Runner {
  private readonly parts: RunnerParts;
  private readonly executor: Executor;
  private watch: PoolWatch | undefined;
  private tickets = 0;
  /** States on their way to the store. */
  private readonly storing = new Map<number, (problem: string | null) => void>();
  private broken = false;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    const { app, logger, channel } = parts;
    this.executor = new Executor({
      tasks: app.tasks,
      logger,
      clock: systemClock,
      signals: app.signals,
      // The parent stores it, in order with the outcome and over the connection that it has.
      storeState: (_request, state, meta) =>
        new Promise((resolve, reject) => {
          this.tickets += 1;
          this.storing.set(this.tickets, (problem) => (problem === null ? resolve() : reject(new Error(problem))));
          channel.send({ kind: 'state', ticket: this.tickets, state, meta: stringifyJson(meta ?? null) });
        }),
    });
  }

  /** How many runs have left code behind. */
  get leftovers(): number {
    return this.executor.leftovers;
  }

  run(text: string): void {
    // The pool watches and says; here nobody needs to be told.
    const watch: PoolWatch = { started() {}, softLimitExceeded() {}, abort: undefined };
    this.watch = watch;
    const outcome = this.executor.execute(decodeInvocation(text), watch);
    if (outcome instanceof Promise) void outcome.then((late) => this.ended(late));
    else this.ended(outcome);
  }

  abort(reason: AbortReason, signal: string | undefined): void {
    this.watch?.abort?.(reason, signal);
  }

  stored({ ticket, problem }: Extract<ToChild, { kind: 'stored' }>): void {
    this.storing.get(ticket)?.(problem);
    this.storing.delete(ticket);
  }

  /** An exception that nobody caught: nothing more shall run here after the present run. */
  broke(): void {
    this.broken = true;
  }

  private ended(outcome: Outcome): void {
    this.watch = undefined;
    this.parts.channel.send({
      kind: 'ended',
      text: encodeOutcome(outcome),
      spent: this.broken || this.executor.leftovers > 0,
      weightKib: this.weight(),
    });
  }

  private weight(): number | null {
    switch (this.parts.weigh) {
      case 'process':
        return Math.ceil(process.memoryUsage.rss() / 1024);
      case 'thread': {
        // A thread has no resident memory of its own: its heap, and the buffers that hang on it.
        const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
        return Math.ceil((heap + external) / 1024);
      }
      case 'never':
        return null;
      default:
        return this.parts.weigh satisfies never;
    }
  }
}
