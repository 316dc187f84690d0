import { describe, expect, it } from 'vitest';
import { WorkerBook, type WorkerAnswers } from '../../../../src/cli/top/worker-book.js';
import type { Answers } from '../../../../src/cli/top/round.js';
import { ClusterState } from '../../../../src/events/cluster-state.js';
import { NOW_MS } from './sample.js';

type Nodes = Readonly<Record<string, number>>;

function answers(nodes: Nodes, value: (begun: number) => unknown, reached: number | undefined): Answers {
  return { replies: Object.entries(nodes).map(([nodename, begun]) => ({ nodename, value: value(begun) })), reached };
}

/** By node name, how many tasks it has begun. */
function answered(nodes: Nodes, reached: number | undefined = Object.keys(nodes).length): WorkerAnswers {
  return {
    stats: answers(nodes, (begun) => ({ total: { 'tasks.add': begun }, pool: { 'max-concurrency': 4 }, uptime: 60 }), reached),
    queues: answers(nodes, () => [{ name: 'celery' }, { name: 'mail' }, 'nonsense'], reached),
    active: answers(
      nodes,
      () => [{ id: 'a', name: 'tasks.add', args: '(1,)', kwargs: '{}', time_start: NOW_MS / 1000 - 5 }, { id: 7 }, null],
      reached,
    ),
  };
}

function at(seconds: number): { readonly nowMs: number; readonly monotonicMs: number } {
  return { nowMs: NOW_MS + seconds * 1000, monotonicMs: seconds * 1000 };
}

describe('the workers from look to look', () => {
  it('are as they say; what is no task has no row', () => {
    const { workers, tasks, silent, begun } = new WorkerBook().update(answered({ 'a@h': 10 }), at(0), undefined);
    expect(workers).toMatchObject([
      { node: 'a@h', state: 'up', concurrency: 4, begun: 10, rate: null, uptimeS: 60, queues: ['celery', 'mail'] },
    ]);
    expect(tasks).toMatchObject([{ id: 'a', node: 'a@h', task: 'tasks.add', args: '(1,)', startedAtMs: NOW_MS - 5_000 }]);
    expect([silent, begun]).toEqual([0, null]);
  });

  it('have rates from the second look on, and none below zero when they were started again', () => {
    const book = new WorkerBook();
    book.update(answered({ 'a@h': 10, 'b@h': 100 }), at(0), undefined);
    const second = book.update(answered({ 'a@h': 30, 'b@h': 110 }), at(4), undefined);
    expect(second.workers.map(({ rate }) => rate)).toEqual([5, 2.5]);
    expect(second.begun).toBe(7.5);
    const third = book.update(answered({ 'a@h': 0, 'b@h': 110 }), at(5), undefined);
    expect(third.workers.map(({ rate }) => rate)).toEqual([null, 0]);
  });

  it('keep their rates when somebody looks twice at once: two tasks in no time are no flood', () => {
    const book = new WorkerBook();
    book.update(answered({ 'a@h': 10 }), at(0), undefined);
    book.update(answered({ 'a@h': 14 }), at(2), undefined);
    expect(book.update(answered({ 'a@h': 16 }), at(2.075), undefined).begun).toBe(2);
    expect(book.update(answered({ 'a@h': 16 }), at(4), undefined).begun).toBe(1);
  });

  it('are silent when they have the question and do not answer, and stay for five minutes', () => {
    const book = new WorkerBook();
    book.update(answered({ 'a@h': 10, 'b@h': 1 }), at(0), undefined);
    const look = (seconds: number) => book.update(answered({ 'a@h': 10 }, 2), at(seconds), undefined);
    expect(look(2).workers).toMatchObject([{ node: 'a@h' }, { node: 'b@h', state: 'silent', running: null, begun: 1, heardAtMs: NOW_MS }]);
    expect(look(299).silent).toBe(1);
    expect(look(301).workers.map(({ node }) => node)).toEqual(['a@h']);
  });

  it('have gone when all that have the question have answered, and stay for half a minute', () => {
    const book = new WorkerBook();
    book.update(answered({ 'a@h': 10, 'b@h': 1 }), at(0), undefined);
    const look = (seconds: number) => book.update(answered({ 'a@h': 10 }), at(seconds), undefined);
    expect(look(2).workers).toMatchObject([{ state: 'up' }, { node: 'b@h', state: 'gone' }]);
    expect(look(31).workers.map(({ node }) => node)).toEqual(['a@h']);
    expect(book.update(answered({ 'a@h': 10, 'b@h': 0 }), at(32), undefined).workers).toMatchObject([{}, { node: 'b@h', state: 'up' }]);
  });

  it('have gone when they said so, although the broker cannot tell how many are there', () => {
    const events = new ClusterState();
    const book = new WorkerBook();
    book.update(answered({ 'a@h': 10, 'b@h': 1 }, undefined), at(0), events);
    const told = { hostname: 'b@h', timestamp: NOW_MS / 1000, local_received: NOW_MS / 1000, clock: 1, pid: 1 };
    events.event({ ...told, type: 'worker-online' });
    const silent: WorkerAnswers = { ...answered({ 'a@h': 10 }), stats: { ...answered({ 'a@h': 10 }).stats, reached: undefined } };
    expect(book.update(silent, at(1), events).workers).toMatchObject([{}, { state: 'silent' }]);
    events.event({ ...told, type: 'worker-offline' });
    expect(book.update(silent, at(2), events).workers).toMatchObject([{}, { state: 'gone' }]);
  });

  it('may be many, and answer nonsense: no more rows than a screen could ever show', () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`w${index}@h`, 1]));
    const { workers, tasks, tasksLeftOut } = new WorkerBook().update(answered(many), at(0), undefined);
    expect([workers.length, tasks.length <= 2_000, tasksLeftOut > 0]).toEqual([2_000, true, true]);
    const nonsense: Answers = {
      replies: [null, 'x', 7, [], { total: 'x', pool: [], rusage: 7 }].map((value, index) => ({ nodename: `n${index}`, value })),
      reached: 5,
    };
    const rows = new WorkerBook().update({ stats: nonsense, queues: nonsense, active: nonsense }, at(0), undefined).workers;
    expect(rows.map(({ state }) => state)).toEqual(['up', 'up', 'up', 'up', 'up']);
  });
});
