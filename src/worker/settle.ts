/**
 * The end of a request, in one place and one order (WIRE 8.8): what follows is sent, the result is
 * stored, the message is answered for, the log says so. Storing and answering are one atomic step
 * where the engines allow it. Whatever is away is waited for; a delivery that is no longer ours ends in silence.
 */
import { describeError, namedError } from '../protocol/exception.js';
import { ProtocolError, type RemoteErrorInfo, remoteErrorText } from '../errors.js';
import type { Outcome } from '../execution/outcome.js';
import type { Message } from '../protocol/message.js';
import { stringRepr } from '../protocol/python-repr.js';
import type { ResultMeta, ResultTree } from '../protocol/result-meta.js';
import type { TaskMessage } from '../protocol/task-message.js';
import { Aftermath } from './aftermath.js';
import { type Answer, Conclusion, type Consequences, type Ended } from './conclusion.js';
import { endingText } from './ending-text.js';
import { Errbacks } from './errbacks.js';
import { failureRecord } from './failure-record.js';
import * as log from './log-lines.js';
import { patiently } from './patience.js';
import type { AnswerKind } from './pending-end.js';
import { PendingEnds } from './pending-ends.js';
import { type Request, RequestView } from './request.js';
import type { TaskEvents } from './task-events.js';
import { ResultDocuments } from './result-document.js';
import type { WorkerParts } from './worker-parts.js';

/** A task that has taken so many processes with it is not given another one (RELIABILITY M20). */
const MOST_LOSSES = 3;

type Failure = Extract<Outcome, { kind: 'failure' }>;

export type SettleParts = Pick<
  WorkerParts,
  'tasks' | 'broker' | 'backend' | 'settlement' | 'producer' | 'settings' | 'logger' | 'clock' | 'signals' | 'nodename'
> & {
  readonly events?: TaskEvents | undefined;
  /** Reads the message of a task that ended without having run. @throws ProtocolError for one that cannot be read. */
  readonly read?: ((message: Message) => TaskMessage | Promise<TaskMessage>) | undefined;
};

export class Settler {
  readonly documents: ResultDocuments;
  readonly errbacks: Errbacks;
  private readonly parts: SettleParts;
  private readonly aftermath: Aftermath;
  private readonly conclusion: Conclusion;
  private readonly ends: PendingEnds;

  constructor(parts: SettleParts) {
    this.parts = parts;
    this.documents = new ResultDocuments(parts);
    this.errbacks = new Errbacks(parts.tasks, parts.logger);
    this.aftermath = new Aftermath(parts, this.documents, this.errbacks);
    this.conclusion = new Conclusion(parts, this.documents, this.errbacks);
    this.ends = new PendingEnds({ ...parts, unwritable: (request, error) => this.becomeFailure(request, error) });
  }

  /** Resolves when everything that has ended is stored and answered for. */
  idle(): Promise<void> {
    return this.ends.idle();
  }

  /** Never throws, and is called once for each request. */
  settle(request: Request, outcome: Outcome, runtimeMs = 0): void {
    if (this.ends.isGivenUp(request)) {
      this.ends.lost(request);
      return;
    }
    if (request.storing !== undefined) {
      const { storing } = request;
      request.storing = undefined;
      this.ends.inBackground(
        request,
        storing.then(() => this.settle(request, outcome, runtimeMs)),
      );
      return;
    }
    if ('trace' in outcome) request.trace = outcome.trace;
    this.attend(request, outcome, runtimeMs);
  }

  /** Each kind of ending, and who looks after it. */
  private attend(request: Request, outcome: Outcome, runtimeMs: number): void {
    switch (outcome.kind) {
      case 'success':
        if (Aftermath.endsHere(request.message)) this.succeed(request, outcome.value, outcome.children, runtimeMs);
        else this.ends.inBackground(request, this.succeedAndFollowUp(request, outcome.value, outcome.children, runtimeMs));
        break;
      case 'failure':
        this.fail(request, outcome, request.plan.acksOnFailureOrTimeout ? 'ack' : 'reject', () =>
          log.failed(this.parts.logger, request, outcome),
        );
        break;
      case 'retry':
        this.ends.inBackground(request, this.retry(request, outcome));
        break;
      case 'revoked':
        this.revoked(request, outcome);
        break;
      case 'timed-out':
        this.timedOut(request, outcome.limitMs / 1000);
        break;
      case 'worker-lost':
        this.workerLost(request, namedError('WorkerLostError', [`Worker exited prematurely: ${endingText(outcome)}.`]));
        break;
      case 'ignored':
        if (outcome.replacement === undefined) this.ends.end(request, undefined, 'ack', () => log.ignored(this.parts.logger, request));
        else this.ends.inBackground(request, this.replace(request, outcome.replacement));
        break;
      case 'rejected':
        this.ends.end(request, undefined, 'reject', () => this.rejected(request, outcome), outcome.reason ?? 'rejected by the task');
        break;
      case 'requeued':
        if (request.aborted !== undefined) this.ends.end(request, undefined, 'requeue-front');
        else this.ends.end(request, undefined, 'requeue-back', () => this.rejected(request, outcome));
        break;
      default:
        outcome satisfies never;
    }
  }

  private revoked(request: Request, outcome: Extract<Outcome, { kind: 'revoked' }>): void {
    if (outcome.reason === 'revoked' && request.running) log.stoppedRevoked(this.parts.logger, request);
    void this.parts.signals.taskRevoked.send(log.revokedSignal(request, outcome));
    this.parts.events?.revoked(request, outcome);
    this.revoke(request, namedError('TaskRevokedError', [outcome.reason]));
  }

  private timedOut(request: Request, limitS: number): void {
    log.hardLimit(this.parts.logger, request, limitS);
    // Celery 5.6 gives the message back where a timeout is not to be acknowledged (WIRE 9.2).
    const answer = request.plan.acksOnFailureOrTimeout ? 'ack' : 'requeue-back';
    this.fail(request, { kind: 'failure', error: namedError('TimeLimitExceeded', [limitS]), expected: false }, answer);
  }

  private workerLost(request: Request, error: RemoteErrorInfo): void {
    const mayGoBack = request.plan.rejectOnWorkerLost && !request.acked;
    const again = mayGoBack && request.delivery.redeliveryCount < MOST_LOSSES;
    log.workerLost(this.parts.logger, request, error, again ? 'goes back' : mayGoBack ? 'is given up' : 'has failed');
    if (again) this.ends.end(request, undefined, 'requeue-lost');
    else this.fail(request, { kind: 'failure', error, expected: false }, mayGoBack ? 'reject' : 'ack');
  }

  private rejected(request: Request, outcome: Extract<Outcome, { kind: 'rejected' | 'requeued' }>): void {
    log.rejected(this.parts.logger, request, outcome);
    this.parts.events?.rejected(request, outcome.kind);
  }

  private succeed(request: Request, value: unknown, children: readonly ResultTree[] | undefined, runtimeMs: number): void {
    const meta = this.ignores(request) ? undefined : this.documents.value(request, 'SUCCESS', value, children);
    this.ends.end(request, meta, 'ack', () => this.succeeded(request, value, runtimeMs));
  }

  private succeeded(request: Request, value: unknown, runtimeMs: number): void {
    log.succeeded(this.parts.logger, request, value, runtimeMs);
    this.parts.events?.succeeded(request, value, runtimeMs);
  }

  private async succeedAndFollowUp(
    request: Request,
    value: unknown,
    children: readonly ResultTree[] | undefined,
    runtimeMs: number,
  ): Promise<void> {
    try {
      const consequences = this.aftermath.success(request, value, children ?? [], this.ignores(request) ? 'ignored' : 'kept');
      await this.conclude(request, consequences, 'ack', () => this.succeeded(request, value, runtimeMs));
    } catch (error) {
      this.becomeFailure(request, error);
    }
  }

  private fail(request: Request, failure: Failure, answer: AnswerKind, logLine?: () => void): void {
    const hidden = this.ignores(request) && !request.plan.storeErrorsEvenIfIgnored;
    const meta = hidden ? undefined : this.documents.exception(request, 'FAILURE', failure.error, failure.children);
    const told = (): void => {
      logLine?.();
      this.parts.events?.failed(request, failure.error);
    };
    if (answer === 'ack') request.failure = failureRecord(this.parts, request, failure.error);
    if (Aftermath.endsHere(request.message)) {
      this.ends.end(request, meta, answer, told, reasonOf(failure.error));
      return;
    }
    this.ends.inBackground(request, this.failAndFollowUp(request, failure.error, meta, answer, told));
  }

  /** The failure is stored before an errback is called here: it may look it up. */
  private async failAndFollowUp(
    request: Request,
    error: RemoteErrorInfo,
    meta: ResultMeta | undefined,
    answer: AnswerKind,
    told: () => void,
  ): Promise<void> {
    const { message, delivery } = request;
    const { toCall } = this.errbacks.sort(message?.errbacks ?? null);
    if (message !== undefined && toCall.length > 0) {
      if (meta !== undefined) await patiently(() => this.parts.backend.store(meta), this.ends.patience(request, 'store the result of'));
      await this.errbacks.call(toCall, { request: new RequestView(delivery, message, this.parts.nodename), error });
    }
    await this.conclude(request, this.aftermath.failure(request, error, meta), answer, told, reasonOf(error));
  }

  /** The message of a task that never ran has not been read; its chord must hear of it all the same. */
  private revoke(request: Request, error: RemoteErrorInfo): void {
    const own = this.documents.exception(request, 'REVOKED', error);
    const message = request.message ?? this.read(request);
    if (!(message instanceof Promise) && Aftermath.endsHere(message)) this.ends.end(request, own, 'ack');
    else this.ends.inBackground(request, this.tellOfRevoked(request, message, error, own));
  }

  private async tellOfRevoked(
    request: Request,
    message: TaskMessage | undefined | Promise<TaskMessage | undefined>,
    error: RemoteErrorInfo,
    own: ResultMeta,
  ): Promise<void> {
    await this.conclude(request, this.aftermath.revoked(request, await message, error, own), 'ack');
  }

  /** Tells those who wait for a task that no worker will run: the later steps of its chain, its chord. */
  async tellOfRefused(ended: Ended, error: RemoteErrorInfo): Promise<void> {
    const message = await this.read(ended);
    if (message === undefined || Aftermath.endsHere(message)) return;
    const end = { request: ended, lineage: this.aftermath.lineage(ended, message), answer: { kind: 'answered' } as const };
    await this.conclusion.conclude({ ...end, givenUp: () => ended.delivery.fenced }, this.aftermath.refused(ended, message, error));
  }

  /** Undefined when nobody can read it: then there is nobody to tell either. */
  private read({ delivery }: Ended): TaskMessage | undefined | Promise<TaskMessage | undefined> {
    try {
      const message = this.parts.read?.(delivery.message);
      return message instanceof Promise ? message.catch(() => undefined) : message;
    } catch {
      return undefined;
    }
  }

  private async replace(request: Request, replacement: unknown): Promise<void> {
    try {
      await this.conclude(request, this.aftermath.replaced(request, replacement), 'ack', () => log.ignored(this.parts.logger, request));
    } catch (error) {
      this.becomeFailure(request, error);
    }
  }

  private async retry(request: Request, outcome: Extract<Outcome, { kind: 'retry' }>): Promise<void> {
    const { message } = request;
    if (message === undefined) return;
    // Celery counts the next try among the children.
    const children: readonly ResultTree[] = [...(outcome.children ?? []), [[request.id, null], null]];
    const meta = this.ignores(request) ? undefined : this.documents.exception(request, 'RETRY', outcome.error, children);
    try {
      await this.conclude(request, this.aftermath.retry(request, message, outcome, meta), 'ack', () => {
        log.retried(this.parts.logger, request, outcome);
        this.parts.events?.retried(request, outcome);
      });
    } catch (error) {
      this.becomeFailure(request, error);
    }
  }

  /** What follows, the results and the answer, in one step where the engines allow it. */
  private async conclude(
    request: Request,
    consequences: Consequences,
    answer: AnswerKind,
    logLine?: () => void,
    reason = '',
  ): Promise<void> {
    const lineage = this.aftermath.lineage(request, request.message);
    const end = { request, lineage, answer: answerOf(request, answer, reason), givenUp: () => this.ends.isGivenUp(request) };
    const settled = await this.conclusion.conclude(end, consequences);
    if (settled === 'settled') this.ends.say(request, logLine);
    else this.ends.lost(request);
  }

  /** Something behind the task's own code failed for good: a result that cannot be written, a callback that is none. */
  private becomeFailure(request: Request, error: unknown): void {
    if (this.ends.isGivenUp(request)) return;
    const unwritable =
      error instanceof ProtocolError && (error.code === 'CTQ_PROTOCOL_UNENCODABLE' || error.code === 'CTQ_PROTOCOL_TOO_LARGE');
    const info = unwritable ? namedError('EncodeError', [`TypeError(${stringRepr(error.message)})`]) : describeError(error);
    const failure: Failure = { kind: 'failure', error: info, expected: false };
    this.fail(request, failure, request.plan.acksOnFailureOrTimeout ? 'ack' : 'reject', () =>
      log.failed(this.parts.logger, request, failure),
    );
  }

  private ignores({ plan, message }: Request): boolean {
    return plan.ignoreResult || message?.ignoreResult === true;
  }
}

/** Of a failure's text as much as people read in a list of dead letters. */
const REASON_KEPT = 500;

function reasonOf(error: RemoteErrorInfo): string {
  return remoteErrorText(error).slice(0, REASON_KEPT);
}

function answerOf(request: Request, answer: AnswerKind, reason: string): Answer {
  if (request.acked) return { kind: 'answered' };
  return answer === 'reject' ? { kind: 'reject', reason } : { kind: answer };
}
