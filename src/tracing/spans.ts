/**
 * A span for each message that is sent and for each run of a task, joined by the W3C context in the message's headers.
 * Names and attributes are those of opentelemetry-instrumentation-celery (celery/__init__.py, utils.py), and so is the place:
 * `traceparent` stands among the message's own headers, where Python's workers look for it.
 */
import type { Attributes, Context, Span } from '@opentelemetry/api';
import type { Invocation } from '../execution/invocation.js';
import type { Outcome } from '../execution/outcome.js';
import type { RemoteErrorInfo } from '../errors.js';
import { remoteErrorText } from '../errors.js';
import type { Message } from '../protocol/message.js';
import { CTQ_VERSION } from '../version.js';
import { openTelemetry, type TelemetryApi } from './open-telemetry.js';

type Headers = Readonly<Record<string, unknown>>;

export interface SendSpan {
  end(): void;
  fail(error: unknown): void;
}

/** Begins the span of a message and writes its context into the headers; undefined while nobody traces. */
export function beginSend(task: string, message: Message, route: { readonly routingKey: string }): SendSpan | undefined {
  const api = openTelemetry();
  if (api === undefined) return undefined;
  const active = api.context.active();
  // A retry has the headers of the try before it, and follows from that where nothing nearer is known.
  const parent = api.trace.getSpan(active) === undefined ? incoming(api, active, message.headers) : active;
  const { id } = message.headers;
  const attributes = {
    ...{ 'celery.action': 'apply_async', 'celery.task_name': task, 'celery.routing_key': route.routingKey },
    ...commonAttributes(typeof id === 'string' ? id : '', route.routingKey),
  };
  const span = tracerOf(api).startSpan(`apply_async/${task}`, { kind: api.SpanKind.PRODUCER, attributes }, parent);
  api.propagation.inject(api.trace.setSpan(parent, span), message.headers);
  return {
    end: () => span.end(),
    fail(error) {
      noteError(api, span, error instanceof Error ? error : new Error(String(error)));
      span.end();
    },
  };
}

/** Runs a task within its span, a child of the one that sent it. Calls `run` at once while nobody traces. */
export function tracedRun(invocation: Invocation, run: () => Outcome | Promise<Outcome>): Outcome | Promise<Outcome> {
  const api = openTelemetry();
  if (api === undefined) return run();
  const { taskName, request } = invocation;
  const parent = incoming(api, api.ROOT_CONTEXT, request.headers);
  const attributes: Attributes = {
    ...{ 'celery.action': 'run', 'celery.task_name': taskName, 'celery.hostname': request.hostname },
    ...commonAttributes(invocation.id, request.deliveryInfo.routingKey),
    ...(request.retries === 0 ? {} : { 'celery.retries': request.retries }),
  };
  const span = tracerOf(api).startSpan(`run/${taskName}`, { kind: api.SpanKind.CONSUMER, attributes }, parent);
  const ended = (outcome: Outcome): Outcome => {
    noteOutcome(api, span, outcome);
    span.end();
    if (outcome.kind !== 'success' && outcome.kind !== 'failure' && outcome.kind !== 'retry') return outcome;
    const trace: Record<string, string> = {};
    api.propagation.inject(api.trace.setSpan(parent, span), trace);
    return { ...outcome, trace };
  };
  const outcome = api.context.with(api.trace.setSpan(parent, span), run);
  return outcome instanceof Promise ? outcome.then(ended) : ended(outcome);
}

/** What a worker sends because a task has ended is a child of its run where that is known, and else of what sent the task. */
export function following<Result>(headers: Headers, send: () => Result): Result {
  const api = openTelemetry();
  return api === undefined ? send() : api.context.with(incoming(api, api.ROOT_CONTEXT, headers), send);
}

function tracerOf(api: TelemetryApi): ReturnType<TelemetryApi['trace']['getTracer']> {
  return api.trace.getTracer('ctq', CTQ_VERSION);
}

/** Only text is read: headers come from strangers. */
function incoming(api: TelemetryApi, context: Context, headers: Headers): Context {
  return api.propagation.extract(context, headers, {
    keys: (carrier) => Object.keys(carrier),
    get(carrier, key) {
      const value = carrier[key];
      return typeof value === 'string' ? value : undefined;
    },
  });
}

function commonAttributes(id: string, destination: string): Attributes {
  return { 'messaging.system': 'celery', 'messaging.message.id': id, 'messaging.destination.name': destination };
}

function noteOutcome(api: TelemetryApi, span: Span, outcome: Outcome): void {
  span.setAttribute('celery.state', STATES[outcome.kind]);
  if (outcome.kind === 'failure' && !outcome.expected) noteError(api, span, exceptionOf(outcome.error));
  else if (outcome.kind === 'retry' && outcome.error !== null) span.setAttribute('celery.retry.reason', remoteErrorText(outcome.error));
  else if (outcome.kind === 'timed-out') noteError(api, span, { name: 'TimeLimitExceeded', message: String(outcome.limitMs / 1000) });
}

const STATES: Readonly<Record<Outcome['kind'], string>> = {
  ...{ success: 'SUCCESS', failure: 'FAILURE', retry: 'RETRY', revoked: 'REVOKED', 'timed-out': 'FAILURE', 'worker-lost': 'FAILURE' },
  ...{ ignored: 'IGNORED', rejected: 'REJECTED', requeued: 'REJECTED' },
};

interface Described {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

function exceptionOf(error: RemoteErrorInfo): Described {
  return { name: error.type, message: remoteErrorText(error), ...(error.traceback === null ? {} : { stack: error.traceback }) };
}

function noteError(api: TelemetryApi, span: Span, error: Described): void {
  span.recordException(error);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message: error.message });
}
