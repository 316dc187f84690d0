import { describe, expect, it } from 'vitest';
import { ClusterState } from '../../../src/events/cluster-state.js';
import type { ReceivedEvent } from '../../../src/events/receiver.js';
import { EstateTally } from '../../../src/metrics/estate-tally.js';
import { exposition } from '../../../src/metrics/exposition.js';

const START_S = 1_700_000_000;

function estate(options: Partial<ConstructorParameters<typeof EstateTally>[0]> = {}) {
  const tally = new EstateTally({ defaultQueue: 'celery', timeoutS: 60, forgetAfterS: 600, ...options });
  const state = new ClusterState();
  let clock = 0;
  const hear = (type: string, afterS: number, fields: Readonly<Record<string, unknown>> = {}): void => {
    const event = {
      type,
      clock: ++clock,
      timestamp: START_S + afterS,
      local_received: START_S + afterS,
      hostname: 'w@web',
      ...fields,
    } as unknown as ReceivedEvent;
    state.event(event);
    tally.hear(event, state);
  };
  const lines = async (atS: number): Promise<readonly string[]> => {
    tally.settle(START_S + atS);
    return (await exposition(tally.families, () => {}).text()).split('\n');
  };
  return { hear, lines, tally };
}

describe('the events of an estate', () => {
  it('are counted by task, host and queue, the queue as its sender told it', async () => {
    const { hear, lines } = estate();
    hear('task-sent', 0, { uuid: '1', name: 'mail', queue: 'slow', hostname: 'gen1@client' });
    hear('task-received', 1, { uuid: '1', name: 'mail' });
    hear('task-started', 3, { uuid: '1' });
    hear('task-failed', 4, { uuid: '1', exception: "ValueError('boom')" });
    hear('task-received', 5, { uuid: '2', name: 'add' });
    hear('task-succeeded', 6, { uuid: '2', runtime: 0.2 });
    expect(await lines(6)).toEqual(
      expect.arrayContaining([
        'celery_task_sent_total{name="mail",hostname="client",queue_name="slow"} 1',
        'celery_task_started_total{name="mail",hostname="web",queue_name="slow"} 1',
        'celery_task_failed_total{name="mail",hostname="web",exception="ValueError",queue_name="slow"} 1',
        'celery_task_succeeded_total{name="add",hostname="web",queue_name="celery"} 1',
        'celery_task_queue_wait_time_sum{name="mail",hostname="web",queue_name="slow"} 3',
        'celery_task_runtime_sum{name="add",hostname="web",queue_name="celery"} 0.2',
      ]),
    );
  });

  it('count no wait that was meant', async () => {
    const { hear, lines } = estate();
    hear('task-sent', 0, { uuid: '1', name: 'later', queue: 'q' });
    hear('task-received', 1, { uuid: '1', name: 'later', eta: new Date((START_S + 100) * 1000).toISOString() });
    hear('task-started', 101.5, { uuid: '1' });
    expect(await lines(102)).toContain('celery_task_queue_wait_time_sum{name="later",hostname="web",queue_name="q"} 1.5');
  });

  it('count a wait once, also when the worker had begun before its client said that it had sent', async () => {
    const { hear, lines } = estate();
    hear('task-received', 1, { uuid: '1', name: 'quick' });
    hear('task-started', 1.25, { uuid: '1' });
    hear('task-sent', 1, { uuid: '1', name: 'quick', queue: 'q', retries: 0, hostname: 'gen1@client' });
    hear('task-sent', 9, { uuid: '1', name: 'quick', queue: 'q', retries: 1, hostname: 'w@web' });
    expect((await lines(10)).filter((line) => /wait_time_(?:sum|count)/.test(line))).toEqual([
      'celery_task_queue_wait_time_sum{name="quick",hostname="web",queue_name="q"} 0.25',
      'celery_task_queue_wait_time_count{name="quick",hostname="web",queue_name="q"} 1',
    ]);
  });

  it('tell two workers of one host apart, and which of them does not tell of its tasks', async () => {
    const { hear, lines, tally } = estate();
    hear('worker-heartbeat', 0, { active: 0 });
    hear('worker-heartbeat', 50, { active: 0, hostname: 'v@web' });
    hear('task-received', 50, { uuid: '1', name: 'mail' });
    expect([tally.tellsOfTasks('w@web'), tally.tellsOfTasks('v@web')]).toEqual([true, false]);
    expect(await lines(70)).toEqual(
      expect.arrayContaining([
        'ctq_node_up{nodename="w@web",hostname="web"} 0',
        'ctq_node_up{nodename="v@web",hostname="web"} 1',
        'ctq_node_task_events{nodename="w@web",hostname="web"} 1',
        'ctq_node_task_events{nodename="v@web",hostname="web"} 0',
      ]),
    );
    expect((await lines(620)).filter((line) => line.includes('w@web'))).toEqual([]);
  });

  it('tell which hosts are up: until a worker says goodbye or is silent, and as long as another one is there', async () => {
    const { hear, lines } = estate();
    const up = async (atS: number): Promise<readonly string[]> =>
      (await lines(atS)).filter((line) => /^celery_worker_(up|tasks_active)\{/.test(line));
    hear('worker-heartbeat', 0, { active: 3 });
    hear('worker-heartbeat', 0, { active: 2, hostname: 'v@web' });
    expect(await up(1)).toEqual(['celery_worker_up{hostname="web"} 1', 'celery_worker_tasks_active{hostname="web"} 5']);
    hear('worker-offline', 2);
    expect(await up(3)).toEqual(['celery_worker_up{hostname="web"} 1', 'celery_worker_tasks_active{hostname="web"} 2']);
    expect(await up(62)).toEqual(['celery_worker_up{hostname="web"} 0', 'celery_worker_tasks_active{hostname="web"} 0']);
  });

  it('are forgotten with the last worker of a host', async () => {
    const { hear, lines } = estate({ forgetAfterS: 100 });
    hear('worker-heartbeat', 0);
    hear('task-received', 0, { uuid: '1', name: 'add' });
    expect((await lines(50)).some((line) => line.includes('hostname="web"'))).toBe(true);
    expect((await lines(200)).some((line) => line.includes('hostname="web"'))).toBe(false);
    hear('task-received', 201, { uuid: '2', name: 'add' });
    expect(await lines(202)).toContain('celery_task_received_total{name="add",hostname="web",queue_name="celery"} 1');
  });

  it('of strangers hurt nobody', async () => {
    const { hear, lines } = estate();
    hear('task-failed', 0, { uuid: 7, exception: 7 });
    hear('task-succeeded', 0, { uuid: 'x', runtime: 'long' });
    hear('worker-heartbeat', 0, { hostname: 7, active: 'many' });
    expect(await lines(1)).toContain('celery_task_succeeded_total{name="unknown",hostname="web",queue_name="celery"} 1');
  });
});
