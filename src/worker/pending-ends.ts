/**
 * Ends on their way: the result is stored, the message is answered for, the log says so. What is away is tried again; what can never be
 * stored becomes a failure; a delivery that is no longer ours ends in silence.
 */
import type { Settled } from '../broker.js';
import { MessageStateError, ProtocolError } from '../errors.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import { giveBack } from './conclusion.js';
import * as log from './log-lines.js';
import { isTemporary, patiently } from './patience.js';
import { type AnswerKind, type EndObserver, PendingEnd } from './pending-end.js';
import type { Request } from './request.js';
import type { WorkerParts } from './worker-parts.js';

export type PendingEndsParts = Pick<WorkerParts, 'backend' | 'settlement' | 'logger' | 'clock'> & {
  /** The task has succeeded with something that cannot be written. */
  readonly unwritable: (request: Request, error: ProtocolError) => void;
};

export class PendingEnds {
  private readonly parts: PendingEndsParts;
  private readonly observer: EndObserver = {
    ended: ({ request, logLine }, how) => {
      if (how === 'settled') this.say(request, logLine);
      else this.lost(request);
      this.left();
    },
    troubled: (end, error) => {
      this.troubled(end, error);
      this.left();
    },
  };
  private pending = 0;
  private idleListeners: (() => void)[] = [];

  constructor(parts: PendingEndsParts) {
    this.parts = parts;
  }

  /** Resolves when everything that has ended is stored and answered for. */
  idle(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }

  /** Stores, answers for the message, and says so; in that order or at once. */
  end(request: Request, meta: ResultMeta | undefined, answer: AnswerKind, logLine?: () => void, reason = ''): void {
    this.pending += 1;
    const end = new PendingEnd(this.observer, { request, meta, answer, logLine, reason });
    try {
      this.begin(end);
    } catch (error) {
      // A result that cannot be written may be refused with a throw as well as with a rejection.
      queueMicrotask(() => end.unsettled(error));
    }
  }

  private begin(end: PendingEnd): void {
    const { request, meta, answer } = end;
    const { settlement } = this.parts;
    if (settlement.finish !== undefined && answer === 'ack' && !request.acked && request.failure === undefined) {
      settlement.finish(request.delivery, meta, end);
      return;
    }
    this.finish(end).then(
      (settled) => end.settled(settled),
      (error: unknown) => end.unsettled(error),
    );
  }

  /** Somebody else has the message, and will say how it ended. */
  lost(request: Request): void {
    if (!request.fenced) log.lost(this.parts.logger, request);
    request.fenced = true;
  }

  /** A value may be such that even printing it throws. */
  say(request: Request, line: (() => void) | undefined): void {
    try {
      line?.();
    } catch (error) {
      log.internalError(this.parts.logger, request, 'its end could not be told', error);
    }
  }

  private finish({ request, meta, answer, reason }: PendingEnd): Promise<Settled> {
    const { settlement, backend } = this.parts;
    const { delivery, failure } = request;
    if (request.acked) return this.finishAnswered(request, meta);
    if (failure !== undefined) return settlement.end(delivery, { metas: meta === undefined ? [] : [meta], sends: [], failure });
    if (answer === 'ack') return meta === undefined ? delivery.ack() : settlement.complete(delivery, meta);
    const give = (): Promise<Settled> => (answer === 'reject' ? delivery.reject(reason) : giveBack(delivery, answer));
    return meta === undefined ? give() : backend.store(meta).then(give);
  }

  private async finishAnswered({ delivery, failure }: Request, meta: ResultMeta | undefined): Promise<Settled> {
    if (meta !== undefined) await this.parts.backend.store(meta);
    if (failure !== undefined) await delivery.remember?.(failure);
    return 'settled';
  }

  private troubled(end: PendingEnd, error: unknown): void {
    const { request, meta, logLine } = end;
    if (this.isGivenUp(request)) return;
    if (isTemporary(error)) {
      const again = patiently(async () => this.finish(end), this.patience(request, 'settle'));
      this.inBackground(
        request,
        again.then((settled) => (settled === 'settled' ? this.say(request, logLine) : undefined)),
      );
      return;
    }
    if (error instanceof ProtocolError && meta?.status === 'SUCCESS') {
      this.parts.unwritable(request, error);
      return;
    }
    log.internalError(this.parts.logger, request, 'it could not be settled', error);
    if (!(error instanceof MessageStateError) && !request.acked) request.delivery.requeue('back').catch(() => {});
  }

  patience(request: Request, verb: string) {
    const { clock, logger } = this.parts;
    return { clock, logger, what: `${verb} task ${request.name}[${request.id}]`, givenUp: () => this.isGivenUp(request) };
  }

  isGivenUp(request: Request): boolean {
    return request.fenced || (request.delivery.fenced && !request.acked);
  }

  inBackground(request: Request, work: Promise<unknown>): void {
    this.pending += 1;
    work
      .catch((error: unknown) => {
        if (!this.isGivenUp(request)) log.internalError(this.parts.logger, request, 'it could not be settled', error);
      })
      .finally(() => this.left());
  }

  private left(): void {
    this.pending -= 1;
    if (this.pending === 0 && this.idleListeners.length > 0) for (const resolve of this.idleListeners.splice(0)) resolve();
  }
}
