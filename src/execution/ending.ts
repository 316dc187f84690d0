/** What a run has returned or thrown → how it ended. Retries are decided here. */
import { describeError, namedError } from '../protocol/exception.js';
import { formatIsoDate } from '../protocol/iso-date.js';
import { argsRepr, kwargsRepr } from '../protocol/python-repr.js';
import type { AbortReason } from '../pool.js';
import { type RetryOptions, TaskRevoked } from '../task.js';
import { ArgumentError } from './bind-arguments.js';
import type { Invocation } from './invocation.js';
import type { Outcome } from './outcome.js';
import { autoretry, isOneOf, retriesExhausted, retryCountdownS } from './retry-policy.js';
import { isReplacement, speechOf } from './speech.js';
import type { Run } from './task-context.js';

/** How a run ended, with the thing itself for handlers and signals. */
export interface Ending {
  readonly outcome: Outcome;
  readonly thing: unknown;
}

export function returned(run: Run, value: unknown): Ending {
  return isReplacement(value) ? thrownBy(run, value) : success(run, value);
}

/** Whatever a task throws is an outcome: this throws nothing. */
export function thrownBy(run: Run, thrown: unknown): Ending {
  try {
    return understood(run, run.isAbortOf(thrown) ? run.signal.reason : thrown);
  } catch {
    return { outcome: { kind: 'failure', error: describeError(thrown), expected: false }, thing: thrown }; // it throws when looked at
  }
}

function understood(run: Run, thrown: unknown): Ending {
  const { task, invocation } = run;
  // It was told that it is revoked, and has stopped because of that.
  if (thrown instanceof TaskRevoked && run.abortedWith === thrown) return { outcome: abortedOutcome('revoked'), thing: thrown };
  const speech = speechOf(thrown);
  switch (speech?.kind) {
    case 'ignore':
      return { outcome: { ...speech, kind: 'ignored' }, thing: thrown };
    case 'reject':
      return { outcome: { kind: speech.requeue ? 'requeued' : 'rejected', reason: speech.reason }, thing: thrown };
    case 'retry':
      return retryOrFail(run, speech.options);
    default: {
      const retry = thrown instanceof ArgumentError ? undefined : autoretry(task.options, thrown, invocation.request.retries);
      return retry === undefined ? failure(run, thrown) : retryOrFail(run, retry);
    }
  }
}

export function ended(outcome: Outcome): Ending {
  return { outcome, thing: undefined };
}

/** How a run ends that was ended from outside. */
export function abortedOutcome(reason: AbortReason, signal?: string): Outcome {
  if (reason !== 'terminated' && reason !== 'revoked') return { kind: 'requeued', reason };
  return signal === undefined ? { kind: 'revoked', reason } : { kind: 'revoked', reason, signal };
}

function success(run: Run, value: unknown): Ending {
  const { children } = run;
  return { outcome: children === undefined ? { kind: 'success', value } : { kind: 'success', value, children }, thing: value };
}

function failure(run: Run, thrown: unknown): Ending {
  const error = describeError(thrown);
  const expected = isOneOf(thrown, run.task.options.throws);
  const { children } = run;
  return { outcome: { kind: 'failure', error, expected, ...(children === undefined ? {} : { children }) }, thing: thrown };
}

function retryOrFail(run: Run, retry: RetryOptions): Ending {
  const { invocation, task, children } = run;
  if (retriesExhausted(task.options, retry, invocation.request.retries))
    return failure(run, retry.exc ?? maxRetriesExceeded(invocation, retry));
  const outcome: Outcome = {
    kind: 'retry',
    error: retry.exc === undefined || retry.exc === null ? null : describeError(retry.exc),
    countdownS: retryCountdownS(task.options, retry),
    eta: retry.eta === undefined ? null : retry.eta instanceof Date ? formatIsoDate(retry.eta) : retry.eta,
    args: retry.args ?? null,
    kwargs: retry.kwargs ?? null,
    options: { ...retry.options },
    ...(children === undefined ? {} : { children }),
  };
  return { outcome, thing: retry.exc };
}

function maxRetriesExceeded(invocation: Invocation, retry: RetryOptions): Error {
  const args = argsRepr(retry.args ?? invocation.args);
  const kwargs = kwargsRepr(retry.kwargs ?? invocation.kwargs);
  const error = new Error(`Can't retry ${invocation.taskName}[${invocation.id}] args:${args} kwargs:${kwargs}`);
  error.name = 'MaxRetriesExceededError';
  return error;
}

export function notRegistered(name: string): Outcome {
  return {
    kind: 'failure',
    error: namedError('NotRegistered', [name]),
    expected: false,
  };
}
