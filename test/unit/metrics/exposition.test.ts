import { describe, expect, it } from 'vitest';
import { METRICS } from '../../../src/metrics/definitions.js';
import { exposition } from '../../../src/metrics/exposition.js';
import { Families, MOST_SERIES } from '../../../src/metrics/families.js';
import { hostOf, TaskTally } from '../../../src/metrics/task-tally.js';

async function textOf(families: Families): Promise<readonly string[]> {
  const text = await exposition(families, () => {}).text();
  return text.split('\n');
}

describe('the text that Prometheus gets', () => {
  it('has counters of a task at zero before anything happens, so that a rate sees the first step', async () => {
    const families = new Families();
    new TaskTally(families, 'web').of('tasks.add', 'celery');
    const lines = await textOf(families);
    for (const what of ['received', 'started', 'succeeded', 'rejected', 'revoked', 'retried']) {
      expect(lines).toContain(`celery_task_${what}_total{name="tasks.add",hostname="web",queue_name="celery"} 0`);
    }
    expect(lines).toContain('celery_task_failed_total{name="tasks.add",hostname="web",exception="",queue_name="celery"} 0');
    expect(lines).toContain('# TYPE celery_task_runtime histogram');
  });

  it('sums buckets up, a value on the bound among those below it', async () => {
    const families = new Families();
    const series = new TaskTally(families, 'web').of('t', 'q');
    for (const seconds of [0.005, 0.3, 60]) series.ran(seconds);
    const lines = (await textOf(families)).filter((line) => line.startsWith('celery_task_runtime'));
    const bucket = (le: string): string | undefined => lines.find((line) => line.includes(`le="${le}"`))?.replace(/^.* /, '');
    expect(['0.005', '0.25', '0.5', '10', '+Inf'].map(bucket)).toEqual(['1', '1', '2', '2', '3']);
    expect(lines.slice(-2)).toEqual([
      'celery_task_runtime_sum{name="t",hostname="web",queue_name="q"} 60.305',
      'celery_task_runtime_count{name="t",hostname="web",queue_name="q"} 3',
    ]);
  });

  it('escapes what strangers put into names', async () => {
    const families = new Families();
    families.family('celery_queue_length').set(1, 'a"b\n\\c');
    expect(await textOf(families)).toContain('celery_queue_length{queue_name="a\\"b\\n\\\\c"} 1');
  });

  it('bounds how many names there can be, and says how many were left out', async () => {
    const families = new Families();
    for (let n = 0; n < MOST_SERIES + 3; n++) families.family('celery_queue_length').set(1, `q${n}`);
    const lines = await textOf(families);
    expect(lines.filter((line) => line.startsWith('celery_queue_length'))).toHaveLength(MOST_SERIES);
    expect(lines).toContain('ctq_exporter_series_dropped_total 3');
  });

  it('tells of Node, too', async () => {
    expect((await textOf(new Families())).some((line) => line.startsWith('process_resident_memory_bytes '))).toBe(true);
  });
});

describe('the names', () => {
  it('are celery-exporter’s, or begin with ctq_', () => {
    expect(Object.keys(METRICS).filter((name) => !/^(?:celery|ctq)_[a-z_]+$/.test(name))).toEqual([]);
  });

  it('take the host of a node for the label, as celery-exporter does', () => {
    expect([hostOf('celery@web1'), hostOf('gen12@client'), hostOf('alone')]).toEqual(['web1', 'client', 'alone']);
  });
});
