/**
 * What lies between a worker's consumer and its pool: who judges what is delivered, where it waits, and who hands it on.
 * One for each run of a worker.
 */
import type { Consumer, Delivery } from '../broker.js';
import type { Pool } from '../pool.js';
import { Autoscaler } from './autoscaler.js';
import { Dispatcher } from './dispatcher.js';
import { EtaTimer } from './eta-timer.js';
import { Intake } from './intake.js';
import { Postponed } from './postponed.js';
import { multiplierOf, Prefetch } from './prefetch.js';
import { PrefetchControl } from './prefetch-control.js';
import type { Refusals } from './refusals.js';
import { fence, type Request } from './request.js';
import type { RevokedTasks } from './revoked.js';
import type { Settler } from './settle.js';
import type { Strategy } from './strategy.js';
import type { TaskEvents } from './task-events.js';
import { Throttle } from './throttle.js';
import type { WorkerOptions, WorkerParts } from './worker-parts.js';

export interface PipelineParts {
  readonly worker: WorkerParts;
  readonly options: WorkerOptions;
  readonly pool: Pool;
  readonly settler: Settler;
  readonly refusals: Refusals;
  readonly strategy: Strategy;
  readonly revoked: RevokedTasks;
  readonly events: TaskEvents | undefined;
}

export class Pipeline {
  readonly pool: Pool;
  readonly dispatcher: Dispatcher;
  readonly etaTimer: EtaTimer;
  readonly throttle: Throttle;
  readonly intake: Intake;
  readonly postponed: Postponed;
  readonly prefetchControl: PrefetchControl;
  /** Undefined for a pool of a fixed size. */
  readonly autoscaler: Autoscaler | undefined;
  private readonly prefetch: Prefetch;
  private consumer: Consumer | undefined;

  constructor({ worker, options, pool, settler, refusals, strategy, revoked, events }: PipelineParts) {
    const { broker, clock, logger, settings, signals } = worker;
    this.pool = pool;
    settler.errbacks.runInPool = (invocation) => pool.run(invocation, { started() {}, softLimitExceeded() {}, abort: undefined });
    const etaTimer = new EtaTimer(clock, (requests) => this.intake.due(requests));
    const prefetch = new Prefetch(clock, multiplierOf(options.prefetchMultiplier, settings));
    const control = new PrefetchControl({
      clock,
      prefetch,
      mostSlots: () => this.autoscaler?.max ?? pool.size,
      putOff: () => etaTimer.size + throttle.size,
      dispatcher: () => dispatcher,
      setPrefetch: (count) => this.consumer?.setPrefetch(count),
      giveBack: (request) => this.intake.giveBack(request.delivery),
    });
    const dispatcher = new Dispatcher({
      ...worker,
      ...{ pool, settler, refusals, revoked },
      decoding: strategy.decoding,
      onBlock: (ms) => prefetch.noteBlock(ms),
      afterRound: (ended) => {
        control.update(ended);
        this.autoscaler?.look();
      },
    });
    const throttle = new Throttle({
      ...{ broker, clock, logger },
      ownerId: () => this.consumer?.ownerId,
      rates: settings.workerDisableRateLimits ? 'ignored' : 'kept',
      begin(requests) {
        for (const request of requests) dispatcher.add(request);
        dispatcher.round();
      },
    });
    const postponed = new Postponed(clock);
    this.autoscaler = options.autoscale === undefined ? undefined : this.autoscalerFor(worker, options.autoscale);
    this.intake = new Intake({
      ...{
        broker,
        clock,
        logger,
        signals,
        strategy,
        dispatcher,
        refusals,
        settler,
        etaTimer,
        throttle,
        postponed,
        revoked,
        prefetch,
        events,
      },
    });
    this.dispatcher = dispatcher;
    this.etaTimer = etaTimer;
    this.throttle = throttle;
    this.postponed = postponed;
    this.prefetch = prefetch;
    this.prefetchControl = control;
  }

  /** How much is reserved before anything is known of the tasks. */
  get firstPrefetch(): number {
    return this.prefetch.count(this.pool.size, 0);
  }

  /** How many have been taken and have not begun. */
  get waitingCount(): number {
    return this.dispatcher.waitingCount + this.throttle.size + this.etaTimer.size;
  }

  /** The consumer whose prefetch follows what can run; it delivers to {@link intake}. */
  feedFrom(consumer: Consumer): void {
    this.consumer = consumer;
  }

  /** These belong to other workers now. */
  fence(deliveries: readonly Delivery[]): void {
    const { dispatcher, throttle, etaTimer } = this;
    const held: readonly Request[] = [...dispatcher.running, ...dispatcher.waiting, ...throttle.waiting, ...etaTimer.waiting];
    fence(new Set(deliveries), held);
  }

  /** Nothing is reserved any more, and the pool keeps its size. */
  stopAdapting(): void {
    this.prefetchControl.stop();
    this.autoscaler?.stop();
  }

  private autoscalerFor({ clock, logger }: WorkerParts, range: NonNullable<WorkerOptions['autoscale']>): Autoscaler {
    return new Autoscaler({
      ...{ clock, logger, pool: this.pool, range },
      wanted: () => this.dispatcher.running.size + this.dispatcher.waitingCount,
      resized: () => {
        this.dispatcher.round();
        this.prefetchControl.update(0);
      },
    });
  }
}
