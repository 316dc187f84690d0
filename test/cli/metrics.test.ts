/** `--metrics` and `ctq exporter`, as Prometheus collects from them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/metrics/definitions.js';
import { beatApp, launchCtqBeat } from '../support/ctq-beat.js';
import { projectRoot, runCtq, startCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { runPython, startCeleryWorker } from '../support/python-celery.js';
import { freePort, startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';
import { tmpFolder } from '../support/tmp.js';

const tasks = {
  'tasks.ts': `import { Ctq } from 'ctq';
export const app = new Ctq('tasks');
export const add = app.task('tasks.add', (x: number, y: number) => x + y);
export const more = app.task('tasks.more', async () => void (await add.delay(1, 1)));
`,
};

async function collect(port: number, init: RequestInit = {}): Promise<{ readonly status: number; readonly lines: readonly string[] }> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { ...init, signal: AbortSignal.timeout(10_000) });
  return { status: response.status, lines: (await response.text()).split('\n') };
}

describe('ctq worker --metrics', () => {
  it('counts what becomes of tasks, and tells nobody else', async () => {
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const worker = startCtq(['worker', '-A', 'tasks', '-n', 'w1@test', '-l', 'info', '--metrics', String(port), '-c', '7'], { cwd });
    await worker.waitForOutput(/ ready\./, 30_000);
    expect((await runCtq(['send', 'tasks.add', '1', '2', '--wait'], { cwd })).stdout).toBe('3\n');
    expect((await runCtq(['send', 'tasks.add', '1', '--wait'], { cwd })).code).toBe(1);
    expect((await runCtq(['send', 'tasks.more', '--wait'], { cwd })).code).toBe(0);
    await eventually(async () => {
      const { status, lines } = await collect(port);
      expect(status).toBe(200);
      const told = [
        'celery_task_received_total{name="tasks.add",hostname="test",queue_name="celery"} 3',
        'celery_task_sent_total{name="tasks.add",hostname="test",queue_name="celery"} 1',
        'celery_task_succeeded_total{name="tasks.more",hostname="test",queue_name="celery"} 1',
        'celery_task_failed_total{name="tasks.add",hostname="test",exception="TypeError",queue_name="celery"} 1',
        'celery_task_runtime_count{name="tasks.more",hostname="test",queue_name="celery"} 1',
        'celery_worker_up{hostname="test"} 1',
        'celery_worker_tasks_active{hostname="test"} 0',
        'ctq_worker_ready{hostname="test"} 1',
        'ctq_worker_slots{hostname="test"} 7',
      ];
      expect(lines).toEqual(expect.arrayContaining(told));
    });
    expect((await collect(port, { method: 'POST' })).status).toBe(405);
    const taken = await runCtq(['worker', '-A', 'tasks', '--metrics', String(port)], { cwd });
    expect([taken.code, taken.stderr]).toEqual([
      73,
      expect.stringContaining(`--metrics: cannot listen on 127.0.0.1:${port}: somebody else listens there`),
    ]);
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await expect(collect(port)).rejects.toThrow();
  });

  it('listens for other machines only with a token, and then answers nobody without it', async () => {
    const [cwd, port] = [tmpFolder(tasks), await freePort()];
    const open = await runCtq(['worker', '-A', 'tasks', '--metrics', `0.0.0.0:${port}`], { cwd });
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('set CTQ_METRICS_TOKEN')]);
    const worker = startCtq(['worker', '-A', 'tasks', '-l', 'info', '--metrics', `0.0.0.0:${port}`], {
      cwd,
      env: { CTQ_METRICS_TOKEN: 's3cret' },
    });
    await worker.waitForOutput(/ ready\./, 30_000);
    expect(await collect(port)).toMatchObject({ status: 401, lines: ['a token is needed', ''] });
    expect((await collect(port, { headers: { authorization: 'Bearer s3cret' } })).status).toBe(200);
    await worker.stop();
  });
});

describe('ctq beat --metrics', () => {
  it('counts what it sends, and says whether it leads', async () => {
    const folder = beatApp("app.addPeriodicTask(1, 'tasks.tick', { name: 'tick' });");
    const port = await freePort();
    const beat = launchCtqBeat({ folder, broker: `sqlite://${join(folder, 'q.db')}`, args: ['--metrics', String(port)] });
    await eventually(async () => {
      const { lines } = await collect(port);
      expect(lines).toEqual(
        expect.arrayContaining([expect.stringMatching(/^ctq_beat_leading\{.*\} 1$/), expect.stringMatching(/^ctq_beat_entries\{.*\} 1$/)]),
      );
      expect(lines.find((line) => line.startsWith('celery_task_sent_total{name="tasks.tick"'))).toMatch(/queue_name="celery"\} [1-9]/);
    });
    expect(await beat.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describeWith(['redis', 'python'], 'ctq exporter', () => {
  it('tells of Python’s workers and ours, of queues nobody takes from, and all that the dashboard asks for', async () => {
    const redis = await startRedis();
    const [python, ours, port] = [
      await startCeleryWorker({
        broker: redis.url,
        backend: redis.url,
        queues: ['py'],
        args: ['-E'],
        concurrency: 2,
        hostname: 'py@snake',
      }),
      await startCtqWorker({ broker: redis.url, hostname: 'ctq@node', args: ['-E'] }),
      await freePort(),
    ];
    const exporter = startCtq(['exporter', '-b', redis.url, '--port', String(port)]);
    await exporter.waitForOutput(/metrics at/, 20_000);
    // As Celery starts them: without -E.
    const untold = await startCtqWorker({ broker: redis.url, hostname: 'untold@node', args: ['-Q', 'untold'] });
    await eventually(async () => expect((await collect(port)).lines).toContain('ctq_node_up{nodename="untold@node",hostname="node"} 1'));
    await eventually(async () => {
      await runCtq(['send', 'tasks.add', '1', '2', '-Q', 'untold', '-b', redis.url]);
      const { lines: now } = await collect(port);
      expect(now).toContain('ctq_node_task_events{nodename="untold@node",hostname="node"} 0');
    });
    await eventually(() =>
      expect(exporter.stderr.match(/untold@node runs tasks and sends no events of them.*--enable/g) ?? []).toHaveLength(1),
    );
    await untold.kill();
    await runPython("app.conf.task_send_sent_event = True; result = app.send_task('tasks.add', (1, 2), queue='py').get(timeout=20)", {
      broker: redis.url,
      backend: redis.url,
    });
    await runCtq(['send', 'tasks.add', '1', '2', '--wait', '-b', redis.url]);
    await runCtq(['send', 'nobody.here', '-Q', 'idle', '-b', redis.url]);
    let lines: readonly string[] = [];
    await eventually(async () => {
      ({ lines } = await collect(port));
      expect(lines).toEqual(
        expect.arrayContaining([
          'celery_task_succeeded_total{name="tasks.add",hostname="snake",queue_name="py"} 1',
          'celery_task_succeeded_total{name="tasks.add",hostname="node",queue_name="celery"} 1',
          'celery_task_queue_wait_time_count{name="tasks.add",hostname="snake",queue_name="py"} 1',
          'celery_worker_up{hostname="snake"} 1',
          'celery_worker_up{hostname="node"} 1',
          'celery_queue_length{queue_name="idle"} 1',
          'celery_active_worker_count{queue_name="idle"} 0',
          'celery_active_process_count{queue_name="py"} 2',
          'ctq_exporter_broker_up 1',
        ]),
      );
    });
    const printed = new Set(lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]));
    const fromWorkersAndBeats = /^ctq_(?:worker|beat)_/;
    expect(metricsOfDashboard().filter((name) => !printed.has(name) && !fromWorkersAndBeats.test(name))).toEqual([]);
    await redis.stop();
    await eventually(async () => expect((await collect(port)).lines).toContain('ctq_exporter_broker_up 0'));
    expect(await exporter.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await python.kill();
    await ours.kill();
  });
});

function metricsOfDashboard(): readonly string[] {
  const text = readFileSync(join(projectRoot, 'docs', 'grafana', 'ctq.json'), 'utf8');
  const names = [...text.matchAll(/\b((?:celery|ctq)_[a-z_]+?)(?:_bucket|_sum|_count)?(?=[^a-z_])/g)].map(([whole, base = '']) =>
    whole in METRICS ? whole : base,
  );
  return [...new Set(names)];
}
