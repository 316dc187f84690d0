/** Commands that look, at a Redis that takes no writes: it is then that somebody looks. */
import { beforeAll, expect, it } from 'vitest';
import { Ctq } from '../../src/index.js';
import { type CtqEnding, runCtq } from '../support/ctq-process.js';
import { startCtqWorker } from '../support/ctq-worker.js';
import { eventually } from '../support/eventually.js';
import { forSuite } from '../support/for-suite.js';
import { startRedis } from '../support/redis-server.js';
import { describeWith } from '../support/requires.js';

describeWith('redis', 'a Redis that is out of memory', () => {
  const redis = forSuite(startRedis);
  const ask = (...argv: readonly string[]): Promise<CtqEnding> => runCtq([...argv, '-b', redis().url], { timeoutMs: 45_000 });

  beforeAll(async () => {
    const app = new Ctq('client', { brokerUrl: redis().url });
    await app.sendTask('tasks.add', [1, 2], { queue: 'mail' }).published;
    await app.close();
    await startCtqWorker({ broker: redis().url, hostname: 'w1@here' });
    await eventually(async () => ((await redis().command('KEYS', 'ctq:about:*')) as unknown[]).length > 0);
    await redis().commands([
      ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'],
      // Less than any server takes for itself.
      ['CONFIG', 'SET', 'maxmemory', '1'],
    ]);
  });
  it('is diagnosed by ctq doctor, which says what it could not ask', async () => {
    const { code, stdout } = await ask('doctor', '--json');
    const { findings } = JSON.parse(stdout) as { findings: readonly { kind: string; weight: string; what: string }[] };
    expect(code).toBe(1);
    expect(findings.map(({ weight, kind }) => `${weight} ${kind}`)).toEqual(
      expect.arrayContaining(['serious memory', 'warning unasked-workers']),
    );
    expect(findings.find(({ kind }) => kind === 'unasked-workers')?.what).toContain('the server is out of memory');
  });

  it('is shown by ctq top with its queues, and why workers do not answer', async () => {
    const { code, stdout } = await ask('top', '--once', '--view', 'queues');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/workers cannot be asked: .*the server is out of memory[\s\S]*mail/)]);
  });

  it('still lets ctq status name the workers that live', async () => {
    const { code, stderr } = await ask('status');
    expect([code, stderr]).toEqual([
      69,
      expect.stringMatching(/nobody can answer, but these give signs of life: w1@here\n[\s\S]*out of memory/),
    ]);
  });
});
