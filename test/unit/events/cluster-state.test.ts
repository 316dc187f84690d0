import { beforeEach, describe, expect, it } from 'vitest';
import { ClusterState, isAlive, isFinished, type TaskStatus } from '../../../src/events/cluster-state.js';
import { decodeEnvelope } from '../../../src/protocol/envelope.js';
import { decodeEvents } from '../../../src/protocol/events.js';
import { JSON_CONTENT } from '../../../src/protocol/serializers.js';
import { readCapture } from '../../support/captures.js';

let state: ClusterState;
let clock: number;
beforeEach(() => {
  state = new ClusterState();
  clock = 0;
});

function feed(type: string, fields: Record<string, unknown> = {}, atS = 100): void {
  clock += 1;
  state.event({ type, hostname: 'w@h', clock, timestamp: atS, local_received: atS, ...fields });
}

const task = (uuid = 't'): TaskStatus => state.tasks.get(uuid) as TaskStatus;

describe('the state of a cluster', () => {
  it('knows a worker from its first word to its last', () => {
    feed('worker-online', {
      freq: 2,
      pid: 7,
      active: 1,
      processed: 5,
      loadavg: [0.5, 0.4, 0.3],
      sw_ident: 'ctq',
      sw_ver: '1',
      sw_sys: 'Linux',
    });
    expect(state.alive(101).map(({ nodename, active, processed, loadavg }) => [nodename, active, processed, loadavg])).toEqual([
      ['w@h', 1, 5, [0.5, 0.4, 0.3]],
    ]);
    feed('worker-heartbeat', { freq: 2 }, 103);
    expect(state.workers.get('w@h')).toMatchObject({ active: 1, processed: 5, freq: 2 });
    feed('worker-offline', {}, 104);
    expect(state.alive(104)).toEqual([]);
  });

  it('takes a worker for dead after two missed beats', () => {
    feed('worker-heartbeat', { freq: 2 }, 100);
    const worker = [...state.workers.values()][0] as Parameters<typeof isAlive>[0];
    expect([isAlive(worker, 103.9), isAlive(worker, 104)]).toEqual([true, false]);
  });

  it('takes any event of a worker as a sign of life', () => {
    feed('worker-heartbeat', { freq: 2 }, 100);
    feed('task-started', { uuid: 't' }, 105);
    expect(state.alive(106)).toHaveLength(1);
  });

  it('follows a task from its sending to its end', () => {
    feed('task-sent', { uuid: 't', hostname: 'gen1@h', name: 'tasks.add', args: '(1, 2)', kwargs: '{}', queue: 'celery', retries: 0 }, 1);
    expect(task()).toMatchObject({ state: 'PENDING', client: 'gen1@h', worker: null, queue: 'celery' });
    feed('task-received', { uuid: 't', name: 'tasks.add', args: '(1, 2)', kwargs: '{}', retries: 0, root_id: 't', eta: null }, 2);
    feed('task-started', { uuid: 't' }, 3);
    feed('task-succeeded', { uuid: 't', result: '3', runtime: 0.25 }, 4);
    expect(task()).toMatchObject({
      state: 'SUCCESS',
      name: 'tasks.add',
      worker: 'w@h',
      result: '3',
      runtime: 0.25,
      timestamp: 4,
      eta: null,
    });
    expect([...task().times]).toEqual([
      ['sent', 1],
      ['received', 2],
      ['started', 3],
      ['succeeded', 4],
    ]); // prettier-ignore
    expect(isFinished(task())).toBe(true);
  });

  it('is not taken back by events that come late: they only fill in', () => {
    feed('task-succeeded', { uuid: 't', result: '3', clock: 30 }, 4);
    feed('task-started', { uuid: 't', clock: 20 }, 3);
    feed('task-received', { uuid: 't', name: 'tasks.add', args: '(1, 2)', result: 'forged', clock: 10 }, 2);
    expect(task()).toMatchObject({ state: 'SUCCESS', name: 'tasks.add', args: '(1, 2)', result: '3', timestamp: 4 });
    feed('task-started', { uuid: 't', hostname: 'other@h', clock: 99 }, 5);
    expect(task().state).toBe('SUCCESS');
  });

  it('believes the clock of one worker: a task may begin once more', () => {
    feed('task-started', { uuid: 't', clock: 20 });
    feed('task-rejected', { uuid: 't', clock: 21 });
    expect(task().state).toBe('REJECTED');
    feed('task-received', { uuid: 't', clock: 22 });
    expect(task().state).toBe('RECEIVED');
  });

  it('follows a task through its retries', () => {
    feed('task-received', { uuid: 't', retries: 0 });
    feed('task-started', { uuid: 't' });
    feed('task-retried', { uuid: 't', exception: "MyError('again')" });
    expect(task().state).toBe('RETRY');
    feed('task-received', { uuid: 't', retries: 1 });
    expect(task()).toMatchObject({ state: 'RECEIVED', retries: 1, exception: "MyError('again')" });
  });

  it('takes states of the user’s own', () => {
    feed('task-started', { uuid: 't' });
    feed('task-progress', { uuid: 't' });
    expect(task().state).toBe('PROGRESS');
  });

  it('counts tasks by state and events by type, and measures their rate', () => {
    for (let count = 0; count < 50; count++) feed('task-received', { uuid: `t${count}` }, 100 + count / 10);
    for (let count = 0; count < 20; count++) feed('task-succeeded', { uuid: `t${count}` }, 105);
    expect(Object.fromEntries(state.stateCounts)).toMatchObject({ RECEIVED: 30, SUCCESS: 20 });
    expect(Object.fromEntries(state.eventCounts)).toEqual({ 'task-received': 50, 'task-succeeded': 20 });
    expect(state.eventCount).toBe(70);
    expect(state.rate('task-received', 105)).toBeCloseTo(10, 0);
    expect(state.rate('task-received', 200)).toBe(0);
    expect(state.rate('never', 105)).toBe(0);
  });

  it('holds a bounded number of tasks and workers, the newest', () => {
    state = new ClusterState({ maxTasks: 10, maxWorkers: 3 });
    for (let count = 0; count < 100; count++) feed('task-received', { uuid: `t${count}`, hostname: `w${count}@h` });
    expect([...state.tasks.keys()]).toEqual(Array.from({ length: 10 }, (_, index) => `t${90 + index}`));
    expect(state.workers.size).toBe(3);
    expect(state.stateCounts.get('RECEIVED')).toBe(10);
    for (let count = 0; count < 2_000; count++) feed(`kind${count}-x`);
    expect(state.eventCounts.size).toBeLessThanOrEqual(1_000);
  });

  it('is not hurt by events of strangers', () => {
    feed('task-received', { uuid: 7 });
    feed('task-received', {});
    feed('task-received', { uuid: '__proto__', name: { a: 1 }, args: [1], runtime: 'x', timestamp: 'y' });
    feed('worker-heartbeat', { hostname: null });
    feed('worker-heartbeat', { freq: -1, active: 'many', loadavg: 'x', processed: Number.NaN });
    feed('worker-offline', { hostname: 'never seen' });
    feed('worker', {});
    feed('', {});
    expect(task('__proto__')).toMatchObject({ name: null, args: null, runtime: null });
    expect(state.alive(100).map(({ nodename }) => nodename)).toEqual(['w@h']);
  });

  it('agrees with what Celery recorded', () => {
    const entries = readCapture('events-5.6');
    const play = (what: string): void => {
      for (const { type, value } of entries.find((entry) => entry.what === what)?.redis ?? []) {
        if (type !== 'publish') continue;
        for (const event of decodeEvents(decodeEnvelope(value as string), JSON_CONTENT)) {
          state.event({ ...event, clock: event.clock as number, local_received: event.timestamp as number });
        }
      }
    };
    const states = (...whats: string[]): string[] => {
      state = new ClusterState();
      whats.forEach(play);
      return [...state.tasks.values()].map(({ state: now }) => now);
    };
    expect(states('successful task')).toEqual(['SUCCESS']);
    expect(states('failing task')).toEqual(['FAILURE']);
    expect(states('retried task')).toEqual(['SUCCESS']);
    expect(states('expired task')).toEqual(['REVOKED']);
    expect(states('terminated task')).toEqual(['REVOKED']);
    expect(states('rejected task (Reject)')).toEqual(['REJECTED']);
    expect(states('unregistered task')).toEqual(['FAILURE']);
    expect(states('five tasks at once (batching into task.multi)')).toEqual(Array.from({ length: 5 }, () => 'SUCCESS'));
  });
});
