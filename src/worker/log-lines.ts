/** What the worker says about tasks, in Celery's forms (WIRE 16.2). */
import type { RemoteErrorInfo } from '../errors.js';
import type { Outcome } from '../execution/outcome.js';
import type { Logger } from '../logger.js';
import { describeError, exceptionRepr } from '../protocol/exception.js';
import { parseIsoDate } from '../protocol/iso-date.js';
import { safeRepr } from '../protocol/python-repr.js';
import type { Request } from './request.js';

type Of<Kind extends Outcome['kind']> = Extract<Outcome, { kind: Kind }>;

export function received(logger: Logger, request: Request): void {
  if (logger.isEnabled('info')) logger.info('Task %s[%s] received', request.name, request.id);
}

/** Celery holds such a task itself, and says that it has received it. */
export function parked(logger: Logger, request: Request): void {
  if (logger.isEnabled('info'))
    logger.info('Task %s[%s] is for later: %s', request.name, request.id, pythonDate(new Date(request.etaMs).toISOString()));
}

export function accepted(logger: Logger, request: Request, pid: number): void {
  if (logger.isEnabled('debug')) logger.debug('Task accepted: %s[%s] pid:%d', request.name, request.id, pid);
}

export function succeeded(logger: Logger, request: Request, value: unknown, runtimeMs: number): void {
  if (logger.isEnabled('info'))
    logger.info('Task %s[%s] succeeded in %ss: %s', request.name, request.id, runtimeMs / 1000, safeRepr(value));
}

export function failed(logger: Logger, request: Request, { error, expected }: Of<'failure'>): void {
  const { name, id } = request;
  if (expected) logger.info('Task %s[%s] raised expected: %s', name, id, exceptionRepr(error));
  else if (error.traceback === null) logger.error('Task %s[%s] raised unexpected: %s', name, id, exceptionRepr(error));
  else logger.error('Task %s[%s] raised unexpected: %s\n%s', name, id, exceptionRepr(error), error.traceback.trimEnd());
}

export function retried(logger: Logger, request: Request, { error, countdownS, eta }: Of<'retry'>): void {
  if (!logger.isEnabled('info')) return;
  const when = countdownS === null ? `at ${pythonDate(eta ?? '')}` : `in ${countdownS}s`;
  const why = error === null ? '' : `: ${exceptionRepr(error)}`;
  logger.info('Task %s[%s] retry: Retry %s%s', request.name, request.id, when, why);
}

/** As Python's `str(datetime)`. */
function pythonDate(eta: string): string {
  return parseIsoDate(eta) === undefined ? eta : eta.replace('T', ' ');
}

export function ignored(logger: Logger, request: Request): void {
  logger.info('Task %s[%s] ignored', request.name, request.id);
}

export function rejected(logger: Logger, request: Request, { kind, reason }: Of<'rejected'> | Of<'requeued'>): void {
  logger.warning('Task %s[%s] reject requeue=%s: %s', request.name, request.id, kind === 'requeued' ? 'True' : 'False', reason ?? 'None');
}

/** @param stamp - What it was revoked by, where that is not its id. */
export function discarded(logger: Logger, request: Request, stamp?: Readonly<Record<string, unknown>>): void {
  if (stamp === undefined) logger.info('Discarding revoked task: %s[%s]', request.name, request.id);
  else logger.info('Discarding revoked task: %s[%s] (revoked by header: %s)', request.name, request.id, safeRepr(stamp));
}

export function softLimit(logger: Logger, request: Request, limitS: number): void {
  logger.warning('Soft time limit (%ss) exceeded for %s[%s]', limitS, request.name, request.id);
}

export function hardLimit(logger: Logger, request: Request, limitS: number): void {
  logger.error('Hard time limit (%ss) exceeded for %s[%s]', limitS, request.name, request.id);
}

export function workerLost(
  logger: Logger,
  request: Request,
  error: RemoteErrorInfo,
  then: 'goes back' | 'is given up' | 'has failed',
): void {
  logger.error('Task handler raised error: %s (%s[%s])', exceptionRepr(error), request.name, request.id);
  const { name, id, delivery } = request;
  if (then === 'goes back') logger.warning('Task %s[%s] goes back to its queue', name, id);
  if (then === 'is given up') {
    logger.error('Task %s[%s] has lost its worker %d times: it goes to the dead letters', name, id, delivery.redeliveryCount + 1);
  }
}

export function lost(logger: Logger, request: Request): void {
  logger.warning('Task %s[%s] was given to another worker meanwhile: what came of it here is discarded', request.name, request.id);
}

export function alreadyDone(logger: Logger, request: Request): void {
  logger.info('Task %s[%s] Task already completed successfully.', request.name, request.id);
}

export function internalError(logger: Logger, request: Request, what: string, error: unknown): void {
  logger.critical('Task %s[%s] INTERNAL ERROR: %s:\n%s', request.name, request.id, what, tracebackText(error));
}

export function revokedSignal(request: Request, { reason, signal }: Of<'revoked'>) {
  return {
    sender: request.task,
    taskId: request.id,
    terminated: reason === 'terminated',
    signum: signal ?? null,
    expired: reason === 'expired',
  };
}

/** It was told while it ran. */
export function stoppedRevoked(logger: Logger, request: Request): void {
  logger.info('Task %s[%s] was revoked, and has stopped', request.name, request.id);
}

/** Where anything that was thrown came from, for the end of a log line. */
export function tracebackText(thrown: unknown): string {
  const { traceback, type } = describeError(thrown);
  return traceback?.trimEnd() ?? type;
}
