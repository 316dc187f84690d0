/** Spans as an SDK exports them, of a real app on a memory broker. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { chain, Ctq } from 'ctq';
import { testKit } from 'ctq/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const exporter = new InMemorySpanExporter();

function registerSdk(): void {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
}

afterEach(() => {
  exporter.reset();
  for (const api of [trace, context, propagation]) api.disable();
  // The mark of an SDK stays when all is disabled, and other files run in this process.
  Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1'));
});

function someApp() {
  const app = new Ctq('traced');
  const child = app.task('traced.child', (n: number) => n + 1);
  const parent = app.task('traced.parent', async (n: number) => {
    await child.delay(n);
    return n;
  });
  const fail = app.task('traced.fail', () => {
    throw new RangeError('boom');
  });
  const flaky = app.task({ name: 'traced.flaky', bind: true }, (task) => {
    if (task.request.retries < 1) throw task.retry({ countdown: 1, exc: new Error('later') });
    return 'done';
  });
  return { app, child, parent, fail, flaky };
}

function named(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name);
}

function only(name: string): ReadableSpan {
  const found = named(name);
  expect([name, found.length]).toEqual([name, 1]);
  return found[0] as ReadableSpan;
}

const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan): string => span.spanContext().spanId;

describe('without an SDK', () => {
  it('nothing is written into messages', async () => {
    const { app, child } = someApp();
    const kit = await testKit(app);
    await child.delay(1);
    await kit.drain();
    expect(Object.keys(kit.sent()[0]?.headers ?? {}).filter((name) => /trace|baggage/.test(name))).toEqual([]);
    await kit.close();
  });
});

describe('with an SDK', () => {
  beforeEach(registerSdk);

  it('a send, its run, and what the run sends are one trace, each the parent of the next', async () => {
    const { app, parent } = someApp();
    const kit = await testKit(app);
    await trace.getTracer('test').startActiveSpan('request', async (span) => {
      await parent.delay(1);
      span.end();
    });
    await kit.drain();
    const path = ['request', 'apply_async/traced.parent', 'run/traced.parent', 'apply_async/traced.child', 'run/traced.child'].map(only);
    expect(path.slice(1).map(parentOf)).toEqual(path.slice(0, -1).map(idOf));
    expect(new Set(path.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(path.slice(1, 3).map(({ kind }) => kind)).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
    expect(path[2]?.attributes).toMatchObject({
      ...{ 'celery.action': 'run', 'celery.task_name': 'traced.parent', 'celery.state': 'SUCCESS' },
      ...{ 'messaging.destination.name': 'celery', 'messaging.message.id': kit.sent(parent)[0]?.id },
    });
    await kit.close();
  });

  it('the context stands among the headers of the message, where Celery’s instrumentation puts it', async () => {
    const { app, child } = someApp();
    const kit = await testKit(app);
    await child.delay(1);
    await kit.drain();
    const span = only('apply_async/traced.child').spanContext();
    // The kit reads the headers before the message leaves; the worker reads them after.
    const run = only('run/traced.child');
    expect(kit.sent(child)[0]?.headers['traceparent']).toBe(`00-${span.traceId}-${span.spanId}-01`);
    expect(parentOf(run)).toBe(span.spanId);
    await kit.close();
  });

  it('a failure is one, with its exception; a retry goes on in the same trace', async () => {
    const { app, fail, flaky } = someApp();
    const kit = await testKit(app);
    await fail.delay();
    await flaky.delay();
    await kit.drain();
    const failed = only('run/traced.fail');
    expect(failed.status).toEqual({ code: SpanStatusCode.ERROR, message: 'RangeError: boom' });
    expect(failed.events[0]?.attributes).toMatchObject({ 'exception.type': 'RangeError' });
    const tries = named('run/traced.flaky');
    expect(tries.map(({ attributes }) => attributes['celery.state'])).toEqual(['RETRY', 'SUCCESS']);
    expect(tries[0]?.attributes['celery.retry.reason']).toBe('Error: later');
    expect(tries[1]?.attributes['celery.retries']).toBe(1);
    expect(new Set([...tries, ...named('apply_async/traced.flaky')].map((span) => span.spanContext().traceId)).size).toBe(1);
    await kit.close();
  });

  it('the steps of a chain belong to the trace that began it', async () => {
    const { app, child } = someApp();
    const kit = await testKit(app);
    await trace.getTracer('test').startActiveSpan('request', async (span) => {
      await chain(child.s(1), child.s(), child.s()).delay();
      span.end();
    });
    await kit.drain();
    const { traceId } = only('request').spanContext();
    expect(named('run/traced.child').map((span) => span.spanContext().traceId)).toEqual([traceId, traceId, traceId]);
    await kit.close();
  });

  it('headers of strangers that are no context begin a trace of their own', async () => {
    const { app, child } = someApp();
    const kit = await testKit(app);
    await child.applyAsync([1], { headers: { tracestate: 7, traceparent: ['no', 'context'] } });
    await kit.drain();
    expect(only('run/traced.child').attributes['celery.state']).toBe('SUCCESS');
    await kit.close();
  });

  it('a message that could not be sent ends its span with the error', async () => {
    const app = new Ctq('traced', { brokerUrl: 'redis://127.0.0.1:1/0', taskPublishRetry: false });
    app.configure({ layers: [], baseFolder: '.', connectTimeoutMs: 200 });
    await expect(app.sendTask('x')).rejects.toThrow();
    expect(only('apply_async/x').status.code).toBe(SpanStatusCode.ERROR);
    await app.close();
  });
});
