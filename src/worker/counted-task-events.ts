/** The events of tasks, counted on the way: for workers that give metrics, whether or not anybody wants events. */
import type { RemoteErrorInfo } from '../errors.js';
import type { EventDispatcher } from '../events/dispatcher.js';
import type { Outcome } from '../execution/outcome.js';
import type { TaskSeries, TaskTally } from '../metrics/task-tally.js';
import type { Request } from './request.js';
import { TaskEvents } from './task-events.js';

type Of<Kind extends Outcome['kind']> = Extract<Outcome, { kind: Kind }>;

export class CountedTaskEvents extends TaskEvents {
  readonly #tally: TaskTally;

  constructor(dispatcher: EventDispatcher, tally: TaskTally) {
    super(dispatcher);
    this.#tally = tally;
  }

  override received(request: Request): void {
    this.#of(request).received.value += 1;
    super.received(request);
  }

  override started(request: Request): void {
    this.#of(request).started.value += 1;
    super.started(request);
  }

  override succeeded(request: Request, value: unknown, runtimeMs: number): void {
    const series = this.#of(request);
    series.ends.succeeded.value += 1;
    series.ran(runtimeMs / 1000);
    super.succeeded(request, value, runtimeMs);
  }

  override failed(request: Request, error: RemoteErrorInfo): void {
    this.#of(request).failed(error.type.slice(error.type.lastIndexOf('.') + 1));
    super.failed(request, error);
  }

  override retried(request: Request, outcome: Of<'retry'>): void {
    this.#of(request).ends.retried.value += 1;
    super.retried(request, outcome);
  }

  override revoked(request: Request, outcome: Of<'revoked'>): void {
    this.#of(request).ends.revoked.value += 1;
    super.revoked(request, outcome);
  }

  override rejected(request: Request, requeue: Of<'rejected' | 'requeued'>['kind']): void {
    this.#of(request).ends.rejected.value += 1;
    super.rejected(request, requeue);
  }

  /** By the registered name: a sender's `shadow` may be another one each time. */
  #of(request: Request): TaskSeries {
    return this.#tally.of(request.task, request.delivery.queue);
  }
}
