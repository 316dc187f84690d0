/** Failures of Python workers: known from their results, and sent again from those. */
import { afterEach, expect, it } from 'vitest';
import { runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import type { OwnedProcess } from '../support/owned-process.js';
import { type CeleryWorker, runPython, startCeleryWorker } from '../support/python-celery.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

interface Listed {
  readonly id: string;
  readonly task: string | null;
  readonly source: string;
  readonly reason: string;
}

describeWith(['redis', 'python'], 'tasks that failed in Python workers', () => {
  const redis = forSuite(startRedis);
  const python: CeleryWorker[] = [];
  const ours: OwnedProcess[] = [];

  afterEach(async () => {
    await Promise.all(python.splice(0).map((worker) => worker.kill()));
    await Promise.all(ours.splice(0).map((worker) => worker.kill()));
    await redis().command('FLUSHALL');
  });

  async function failInPython(conf: Readonly<Record<string, unknown>>): Promise<string> {
    python.push(await startCeleryWorker({ broker: redis().url, backend: redis().url, pool: 'solo', conf }));
    const snippet = `
    sent = app.send_task("tasks.fail", ["bad luck"])
    try:
        sent.get(timeout=20)
    except Exception:
        pass
    result = sent.id
  `;
    return (await runPython(snippet, { broker: redis().url, backend: redis().url })) as string;
  }

  const listed = async (): Promise<readonly Listed[]> =>
    JSON.parse((await runCtq(['failed', '--json', '-b', redis().url])).stdout) as readonly Listed[];

  it('are listed, and sent again with what an extended result knows; what it does not know is said', async () => {
    const id = await failInPython({ result_extended: true });
    expect(await listed()).toMatchObject([{ id, task: 'tasks.fail', source: 'result', reason: 'ValueError: bad luck' }]);
    const shown = await runCtq(['failed', 'show', id.slice(0, 8), '-b', redis().url]);
    expect(shown.stdout).toContain('bad luck');
    expect(shown.stdout).toContain('Traceback (most recent call last)');

    await python.pop()?.kill();
    const { code, stdout, stderr } = await runCtq(['retry', id, '-b', redis().url]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${id}\n` });
    expect(stderr).toMatch(/made anew of its result: callbacks, chain, chord, headers, priority, limits and expiry .* are not known/);
    expect((await runCtq(['result', id, '-b', redis().url])).stderr).toContain('is RETRY');
    expect(await listed()).toEqual([]);

    // Any worker may take it, Python's or ours; it fails again, and is there again.
    ours.push(await startCtqWorker({ broker: redis().url }));
    await eventually(async () => expect(await listed()).toMatchObject([{ id, source: 'record', reason: 'ValueError: bad luck' }]));
  });

  it('run again in a Python worker after a failure in ours, and the new result is there for who asks', async () => {
    const worker = await startCtqWorker({ broker: redis().url });
    ours.push(worker);
    const { stdout } = await runCtq(['send', '-b', redis().url, 'tasks.fail', 'first']);
    const id = stdout.trim();
    await eventually(async () => expect(await listed()).toMatchObject([{ id, source: 'record' }]));
    await worker.stop('SIGTERM');
    const before = (await runCtq(['result', id, '--json', '-b', redis().url])).stdout;
    expect((await runCtq(['retry', id, '-b', redis().url])).code).toBe(0);
    python.push(await startCeleryWorker({ broker: redis().url, backend: redis().url, pool: 'solo' }));
    await eventually(async () => {
      const { stdout: now } = await runCtq(['result', id, '--json', '-b', redis().url]);
      expect(JSON.parse(now)).toMatchObject({ state: 'FAILURE', result: { exc_type: 'ValueError' } });
      expect((JSON.parse(now) as { traceback: string }).traceback).not.toBe((JSON.parse(before) as { traceback: string }).traceback);
    });
  });

  it('are refused in clear words where the result does not say what was called', async () => {
    const id = await failInPython({});
    expect(await listed()).toMatchObject([{ id, task: null, source: 'result' }]);
    const { code, stdout, stderr } = await runCtq(['retry', id, '-b', redis().url]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/does not say what was called; with result_extended = True it would/);
    expect(await listed()).toMatchObject([{ id }]);
  });
});
