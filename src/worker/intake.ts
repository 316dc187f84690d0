/** What happens to a delivery when it arrives: run, wait for its time, go back, or be refused. */
import type { Broker, Delivery } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { Signals } from '../signals.js';
import type { Dispatcher } from './dispatcher.js';
import type { EtaTimer } from './eta-timer.js';
import * as log from './log-lines.js';
import type { Postponed } from './postponed.js';
import type { Prefetch } from './prefetch.js';
import type { Refusals } from './refusals.js';
import { Request } from './request.js';
import type { Settler } from './settle.js';
import type { RevokedTasks } from './revoked.js';
import type { Refusal, Strategy } from './strategy.js';
import { SUSPECT_FROM, Suspects } from './suspects.js';
import type { Throttle } from './throttle.js';
import type { TaskEvents } from './task-events.js';

/** An eta nearer than this is waited for here: parking and coming back would take as long. */
const NEAR_MS = 2_000;

export interface IntakeParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signals: Signals;
  readonly strategy: Strategy;
  readonly dispatcher: Dispatcher;
  readonly refusals: Refusals;
  readonly settler: Settler;
  readonly etaTimer: EtaTimer;
  readonly throttle: Throttle;
  /** What was put back into the broker until its time, to be shown to operators. */
  readonly postponed?: Postponed;
  readonly revoked?: RevokedTasks;
  readonly events?: TaskEvents | undefined;
  /** What is parked is done with at once: a worker with few slots would else take a few of them at a time. */
  readonly prefetch?: Pick<Prefetch, 'noteParked'>;
}

export class Intake {
  private readonly parts: IntakeParts;
  private readonly suspects: Suspects;
  private open = true;

  constructor(parts: IntakeParts) {
    this.parts = parts;
    const { clock, logger, dispatcher, throttle, etaTimer } = parts;
    this.suspects = new Suspects({
      clock,
      logger,
      isHere: (request) =>
        dispatcher.running.has(request) || [...dispatcher.waiting, ...throttle.waiting, ...etaTimer.waiting].includes(request),
      begin: (request) => this.accept(request, 'late'),
    });
  }

  /** From now on whatever arrives goes back. */
  close(): void {
    this.open = false;
  }

  take(batch: readonly Delivery[]): void {
    for (const delivery of batch) {
      if (!this.open) {
        this.giveBack(delivery);
        continue;
      }
      try {
        const verdict = this.parts.strategy.judge(delivery);
        if (verdict instanceof Promise) void verdict.then((late) => this.follow(late, 'late'));
        else this.follow(verdict, 'in batch');
      } catch (error) {
        // A bug of ours must not cost the other messages of the batch.
        this.parts.logger.critical('Message %s could not be received:\n%s', delivery.deliveryTag, log.tracebackText(error));
        delivery.reject('internal error').catch(() => {});
      }
    }
    this.parts.dispatcher.round();
  }

  giveBack(delivery: Delivery): void {
    delivery.requeue('front').catch((error: unknown) => {
      this.parts.logger.error('Message %s could not be given back:\n%s', delivery.deliveryTag, log.tracebackText(error));
    });
  }

  /** Its time has come. */
  due(requests: readonly Request[]): void {
    for (const request of requests) this.admit(request);
    this.parts.dispatcher.round();
  }

  private follow(verdict: Request | Refusal, when: 'in batch' | 'late'): void {
    if (!(verdict instanceof Request)) void this.parts.refusals.refuse(verdict);
    else if (verdict.delivery.redeliveryCount >= SUSPECT_FROM && this.parts.broker.capabilities.parks) this.suspects.take(verdict);
    else this.accept(verdict, when);
  }

  private accept(request: Request, when: 'in batch' | 'late'): void {
    if (when === 'late' && !this.open) {
      this.giveBack(request.delivery);
      return;
    }
    this.receive(request);
    if (when === 'late') this.parts.dispatcher.round();
  }

  private receive(request: Request): void {
    const { logger, signals, clock, settler, events, revoked } = this.parts;
    const later = this.isForLater(request);
    // It will be received when it comes back.
    if (!later) log.received(logger, request);
    if (!later && signals.taskReceived.connected) {
      void signals.taskReceived.send({ sender: request.task, taskId: request.id, headers: request.delivery.message.headers });
    }
    if (request.expiresMs !== Number.POSITIVE_INFINITY && clock.nowMs() > request.expiresMs) {
      log.discarded(logger, request);
      settler.settle(request, { kind: 'revoked', reason: 'expired' });
      return;
    }
    if (revoked?.covers(request) === true) {
      log.discarded(logger, request, revoked.stampOf(request));
      settler.settle(request, { kind: 'revoked', reason: 'revoked' });
      return;
    }
    events?.received(request);
    if (later) this.park(request);
    else if (request.etaMs > 0 && request.etaMs > clock.nowMs()) this.parts.etaTimer.hold(request);
    else this.admit(request);
  }

  /** So long that the broker shall keep it. */
  private isForLater({ etaMs }: Request): boolean {
    const { broker, clock } = this.parts;
    return etaMs > 0 && broker.capabilities.parks && etaMs - clock.nowMs() > NEAR_MS;
  }

  private admit(request: Request): void {
    if (!this.parts.throttle.holds(request)) this.parts.dispatcher.add(request);
  }

  private park(request: Request): void {
    const { logger, postponed } = this.parts;
    log.parked(logger, request);
    postponed?.add(request);
    this.parts.prefetch?.noteParked();
    request.delivery.park(new Date(request.etaMs)).catch((error: unknown) => {
      logger.error('Task %s[%s] could not be parked:\n%s', request.name, request.id, log.tracebackText(error));
    });
  }
}
