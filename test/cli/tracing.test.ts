/** Traces across processes, with an SDK that is set up the way users do: NODE_OPTIONS=--import. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCtq, startCtq } from '../support/ctq-process.js';
import { eventually } from '../support/eventually.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder, writeFiles } from '../support/tmp.js';

const sdk = createRequire(import.meta.url).resolve('@opentelemetry/sdk-trace-node');

interface SpanLine {
  readonly name: string;
  readonly trace: string;
  readonly span: string;
  readonly parent: string | null;
  readonly pid: number;
}

function tracedProject() {
  const folder = tmpFolder();
  const file = join(folder, 'spans.jsonl');
  writeFiles(folder, {
    'otel.mjs': `
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const { NodeTracerProvider, SimpleSpanProcessor } = createRequire(import.meta.url)(${JSON.stringify(sdk)});
const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { traceId: trace, spanId } = span.spanContext();
      appendFileSync(${JSON.stringify(file)}, JSON.stringify({ name: span.name, trace, span: spanId, parent: span.parentSpanContext?.spanId ?? null, pid: process.pid }) + '\\n');
    }
    done({ code: 0 });
  },
  async shutdown() {},
};
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
`,
    'tasks.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const child = app.task('tasks.child', (n: number) => n + 1);
export const last = app.task('tasks.last', (pid: number) => pid);
export const parent = app.task('tasks.parent', async (n: number) => {
  await child.delay(n);
  return process.pid;
});
`,
  });
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(folder, 'otel.mjs')).href}` };
  const spans = (): readonly SpanLine[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as SpanLine)
      : [];
  return { cwd: folder, env, spans };
}

describe('a worker with children, where an SDK is set up', () => {
  it('makes one trace of a send, its run in a child, and what that sends', async () => {
    const { cwd, env, spans } = tracedProject();
    const worker = startCtq(['worker', '-A', 'tasks', '-P', 'prefork', '-c', '1', '-l', 'info'], { cwd, env });
    await worker.waitForOutput(/ ready\./, 30_000);
    const sent = await runCtq(['send', 'tasks.parent', '1', '--wait'], { cwd, env });
    expect(sent.code).toBe(0);
    const path = ['apply_async/tasks.parent', 'run/tasks.parent', 'apply_async/tasks.child', 'run/tasks.child'];
    const found = await eventually(() => {
      const byName = path.map((name) => spans().find((span) => span.name === name));
      expect(byName).not.toContain(undefined);
      return byName as SpanLine[];
    });
    expect(found.map(({ parent }) => parent)).toEqual([null, ...found.slice(0, -1).map(({ span }) => span)]);
    expect(new Set(found.map(({ trace }) => trace)).size).toBe(1);
    expect(found[1]?.pid).toBe(Number(sent.stdout));

    // What follows from a run is its child, although another process sends it.
    writeFiles(cwd, { 'steps.json': JSON.stringify([{ task: 'tasks.parent', args: [1] }, { task: 'tasks.last' }]) });
    expect((await runCtq(['send', '--chain', 'steps.json', '--wait'], { cwd, env })).code).toBe(0);
    await eventually(() => {
      const last = spans().find(({ name }) => name === 'apply_async/tasks.last');
      const before = spans().find(({ span }) => span === last?.parent);
      expect(before).toMatchObject({ name: 'run/tasks.parent', trace: last?.trace });
      expect(last?.pid).toBe(worker.pid);
    });
    await worker.stop();
  });
});

describeWith(['redis', 'python'], 'the context of a trace', () => {
  it('is where Celery’s instrumentation reads and writes it', async () => {
    const redis = await startRedis();
    const { cwd, env, spans } = tracedProject();
    const snake = tmpFolder({
      'tasks.py': `from celery import Celery
app = Celery('tasks', broker='${redis.url}', backend='${redis.url}')
@app.task(name='tasks.read_request', bind=True)
def read_request(self, name):
    return getattr(self.request, name, None)
`,
    });
    const python = await startCeleryWorker({ broker: redis.url, backend: redis.url, queues: ['py'], cwd: snake });
    const ran = await runCtq(['send', 'tasks.read_request', 'traceparent', '-Q', 'py', '--wait', '-b', redis.url], { cwd, env });
    const [sent] = spans();
    expect([ran.code, ran.stdout.trim().replaceAll('"', '')]).toEqual([0, `00-${sent?.trace}-${sent?.span}-01`]);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info', '-b', redis.url], { cwd, env });
    await worker.waitForOutput(/ ready\./, 30_000);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    // What inject(headers) does in before_task_publish.
    await runPython(
      `from celery.signals import before_task_publish
before_task_publish.connect(lambda headers=None, **kw: headers.update(traceparent='${traceparent}'), weak=False)
result = app.send_task('tasks.child', (1,)).get(timeout=20)`,
      { broker: redis.url, backend: redis.url },
    );
    await eventually(() => {
      expect(spans().find(({ name }) => name === 'run/tasks.child')).toMatchObject({
        trace: traceparent.split('-')[1],
        parent: traceparent.split('-')[2],
      });
    });
    await worker.stop();
    await python.stop();
  });
});
