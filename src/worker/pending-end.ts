/** The end of a request, until it is stored and answered for: one object, and no promise, for each task. */
import type { Settled, SettledListener } from '../broker.js';
import type { ResultMeta } from '../protocol/result-meta.js';
import type { Request } from './request.js';

export type AnswerKind = 'ack' | 'reject' | 'requeue-front' | 'requeue-back' | 'requeue-lost';

/** Who goes on when it is over. */
export interface EndObserver {
  ended(end: PendingEnd, how: Settled): void;
  troubled(end: PendingEnd, error: unknown): void;
}

export class PendingEnd implements SettledListener {
  readonly request: Request;
  readonly meta: ResultMeta | undefined;
  readonly answer: AnswerKind;
  /** Says in the log how the task has ended. */
  readonly logLine: (() => void) | undefined;
  /** Why it is rejected. */
  readonly reason: string;
  private readonly observer: EndObserver;

  constructor(
    observer: EndObserver,
    end: Pick<PendingEnd, 'request' | 'meta' | 'answer' | 'reason'> & { readonly logLine: (() => void) | undefined },
  ) {
    this.observer = observer;
    this.request = end.request;
    this.meta = end.meta;
    this.answer = end.answer;
    this.logLine = end.logLine;
    this.reason = end.reason;
  }

  settled(how: Settled): void {
    this.observer.ended(this, how);
  }

  unsettled(error: unknown): void {
    this.observer.troubled(this, error);
  }
}
