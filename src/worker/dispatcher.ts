/**
 * Requests that may run, and the slots they run in. What ends at once makes room at once: a batch of
 * tiny tasks goes through in one turn of the event loop, cut into slices so that the network gets its turn.
 */
import { describeError } from '../protocol/exception.js';
import type { Outcome } from '../execution/outcome.js';
import type { Pool } from '../pool.js';
import { type DecodeTaskOptions, decodeTaskMessage, type TaskMessage } from '../protocol/task-message.js';
import * as log from './log-lines.js';
import { patiently } from './patience.js';
import type { Refusals } from './refusals.js';
import { invocationOf, type Request } from './request.js';
import { RequestQueue } from './request-queue.js';
import type { Settler } from './settle.js';
import type { RevokedTasks } from './revoked.js';
import { faulty } from './strategy.js';
import type { WorkerParts } from './worker-parts.js';

/** How long tasks may follow each other before the event loop gets a turn. */
const SLICE_MS = 10;

export interface DispatcherParts extends Pick<WorkerParts, 'backend' | 'settings' | 'logger' | 'clock' | 'nodename'> {
  readonly pool: Pool;
  readonly settler: Settler;
  readonly refusals: Refusals;
  readonly decoding: DecodeTaskOptions;
  readonly revoked?: RevokedTasks;
  /** Told how long a run kept the event loop before it ended or waited for something. */
  readonly onBlock: (ms: number) => void;
  /** Told after each round: so many runs ended since the last time. */
  readonly afterRound: (ended: number) => void;
}

export class Dispatcher {
  private readonly parts: DispatcherParts;
  private readonly ready = new RequestQueue();
  /** Whose end is waited for; what ends at once is never in it. */
  private readonly active = new Set<Request>();
  private state: 'open' | 'closed' = 'open';
  private inRound = false;
  private roundScheduled = false;
  private endedInRound = 0;
  /** When the latest run gave the event loop back. */
  private lastEndMs = 0;
  private lastBeginMs: number;
  private idleListeners: (() => void)[] = [];

  constructor(parts: DispatcherParts) {
    this.parts = parts;
    this.lastBeginMs = parts.clock.monotonicMs();
  }

  /** What has begun and not ended. */
  get running(): ReadonlySet<Request> {
    return this.active;
  }

  /** What waits for a slot. */
  get waiting(): Iterable<Request> {
    return this.ready;
  }

  get waitingCount(): number {
    return this.ready.size;
  }

  /** Milliseconds since anything began, while everything is busy and something waits; else 0. */
  get stalledMs(): number {
    if (this.ready.size === 0 || this.active.size < this.parts.pool.size) return 0;
    return this.parts.clock.monotonicMs() - this.lastBeginMs;
  }

  /** Begins with the next {@link round}. */
  add(request: Request): void {
    this.ready.push(request);
  }

  /** Fills the free slots. */
  round(): void {
    if (this.inRound || this.roundScheduled) return;
    this.inRound = true;
    const { pool, clock } = this.parts;
    const sliceEndMs = clock.monotonicMs() + SLICE_MS;
    this.lastEndMs = 0;
    while (this.state === 'open' && this.active.size < pool.size) {
      const request = this.ready.shift();
      if (request === undefined) break;
      this.begin(request);
      if (this.lastEndMs > sliceEndMs && this.ready.size > 0) {
        this.roundScheduled = true;
        setImmediate(() => {
          this.roundScheduled = false;
          this.round();
        });
        break;
      }
    }
    this.inRound = false;
    const ended = this.endedInRound;
    this.endedInRound = 0;
    this.parts.afterRound(ended);
  }

  /** Takes out everything that waits. */
  clear(): Request[] {
    return letGo(this.ready.clear());
  }

  /** Takes out all but the first so many. */
  clearBehind(count: number): Request[] {
    const all = this.ready.clear();
    for (const request of all.slice(0, count)) this.ready.push(request);
    return letGo(all.slice(count));
  }

  /** Begins nothing more. */
  close(): void {
    this.state = 'closed';
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    if (this.active.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  private begin(request: Request): void {
    if (request.fenced) {
      request.letGo();
      return;
    }
    if (request.expiresMs !== Number.POSITIVE_INFINITY && this.parts.clock.nowMs() > request.expiresMs) {
      log.discarded(this.parts.logger, request);
      this.parts.settler.settle(request, { kind: 'revoked', reason: 'expired' });
      request.letGo();
      return;
    }
    // Asked once more: it may have waited here for long.
    const { revoked } = this.parts;
    if (revoked?.covers(request) === true) {
      log.discarded(this.parts.logger, request, revoked.stampOf(request));
      this.parts.settler.settle(request, { kind: 'revoked', reason: 'revoked' });
      request.letGo();
      return;
    }
    try {
      const message = request.message ?? decodeTaskMessage(request.delivery.message, this.parts.decoding);
      if (message instanceof Promise || !request.plan.acksLate || this.mayBeDone(request)) void this.beginLater(request, message);
      else this.run(request, message);
    } catch (error) {
      this.refuse(request, error);
    }
  }

  private async beginLater(request: Request, pending: TaskMessage | Promise<TaskMessage>): Promise<void> {
    this.active.add(request);
    let message: TaskMessage;
    try {
      message = await pending;
    } catch (error) {
      this.refuse(request, error);
      return;
    }
    try {
      if (this.mayBeDone(request) && (await this.isDone(request))) {
        log.alreadyDone(this.parts.logger, request);
        this.end(request, { kind: 'ignored', reason: null });
        return;
      }
      // At most once: nothing runs before its message is known to be gone.
      if (!request.plan.acksLate) {
        if ((await request.delivery.ack()) === 'fenced') request.fenced = true;
        request.acked = true;
      }
      if (request.fenced) this.leave(request);
      else if (request.aborted !== undefined) this.end(request, { kind: 'requeued', reason: request.aborted });
      else this.run(request, message);
    } catch (error) {
      log.internalError(this.parts.logger, request, 'it could not begin', error);
      this.leave(request);
    }
  }

  private run(request: Request, message: TaskMessage): void {
    const { pool, clock, nodename } = this.parts;
    request.message = message;
    request.startedMs = this.lastBeginMs = clock.monotonicMs();
    let outcome: Outcome | Promise<Outcome>;
    try {
      outcome = pool.run(invocationOf(request, message, nodename), request);
    } catch (error) {
      outcome = this.poolFailed(request, error);
    }
    this.lastEndMs = clock.monotonicMs();
    this.parts.onBlock(this.lastEndMs - request.startedMs);
    if (!(outcome instanceof Promise)) {
      this.end(request, outcome);
      return;
    }
    this.active.add(request);
    outcome.then(
      (value) => this.end(request, value),
      (error: unknown) => this.end(request, this.poolFailed(request, error)),
    );
  }

  private end(request: Request, outcome: Outcome): void {
    this.lastEndMs = this.parts.clock.monotonicMs();
    this.parts.settler.settle(request, outcome, this.lastEndMs - request.startedMs);
    this.leave(request);
  }

  private refuse(request: Request, error: unknown): void {
    void this.parts.refusals.refuse(faulty(request.delivery, error));
    this.leave(request);
  }

  private leave(request: Request): void {
    this.active.delete(request);
    request.letGo();
    this.endedInRound += 1;
    if (this.active.size === 0 && this.idleListeners.length > 0) for (const resolve of this.idleListeners.splice(0)) resolve();
    if (!this.inRound) this.round();
  }

  /** Only a bug of a pool gets here: a failing task is an outcome. */
  private poolFailed(request: Request, error: unknown): Outcome {
    log.internalError(this.parts.logger, request, 'the pool failed', error);
    return { kind: 'failure', error: describeError(error), expected: false };
  }

  /** A message that had to be signed, id included, may have been copied, and the copy says nothing of it (RELIABILITY S13). */
  private mayBeDone({ delivery, plan }: Request): boolean {
    const { decoding, settings } = this.parts;
    const mayBe = delivery.redelivered || decoding.accept.verifier?.ids === 'signed';
    return mayBe && plan.acksLate && settings.workerDeduplicateSuccessfulTasks;
  }

  private async isDone(request: Request): Promise<boolean> {
    const { backend, clock, logger } = this.parts;
    const patience = { clock, logger, what: `look up the result of ${request.id}`, givenUp: () => request.delivery.fenced };
    return (await patiently(() => backend.load(request.id), patience))?.status === 'SUCCESS';
  }
}

function letGo(requests: Request[]): Request[] {
  for (const request of requests) request.letGo();
  return requests;
}
