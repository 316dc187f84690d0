import { beforeEach, describe, expect, it } from 'vitest';
import type { EventDispatcher } from '../../../src/events/dispatcher.js';
import { Gossip } from '../../../src/worker/gossip.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type LogLine, recordingLogger } from '../../support/fake-worker.js';

const clock = new FakeClock(0);
let sent: [string, unknown][];
let called: unknown[];
let log: LogLine[];
let gossip: Gossip;
let lamport: number;

beforeEach(() => {
  sent = [];
  called = [];
  log = [];
  lamport = 0;
  gossip = new Gossip({
    events: { send: (type: string, fields: unknown) => void sent.push([type, fields]) } as unknown as EventDispatcher,
    nodename: 'me@h',
    pid: 7,
    clock,
    logger: recordingLogger(log),
    callTask: async (signature) => void called.push(signature),
  });
});

function hear(type: string, hostname: string, more: Record<string, unknown> = {}): void {
  lamport += 1;
  gossip.hear({ type, hostname, pid: hostname === 'me@h' ? 7 : 1, clock: lamport, local_received: clock.nowMs() / 1000, ...more });
}

const candidate = (hostname: string, pid: number, at: number, topic = 'task'): void =>
  hear('worker-elect', hostname, { id: 'e', topic, action: { task: hostname }, cver: 1, pid, clock: at });

describe('another worker of this name', () => {
  it('is told of once, by its process', () => {
    hear('worker-heartbeat', 'me@h', { pid: 7 });
    hear('worker-offline', 'me@h', { pid: 8 });
    expect(log).toEqual([]);
    hear('worker-heartbeat', 'me@h', { pid: 8 });
    hear('worker-heartbeat', 'me@h', { pid: 8 });
    expect(log.map(({ text }) => text)).toEqual([
      'Another worker (process 8) has the node name me@h, too: give each a name of its own with -n',
    ]);
  });
});

describe('an election', () => {
  it('is won by the lowest clock, then by name, and only the winner acts', () => {
    hear('worker-heartbeat', 'other@h', { freq: 2 });
    gossip.elect('e', 'task', { task: 'mine' });
    expect(sent).toEqual([['worker-elect', { id: 'e', topic: 'task', action: { task: 'mine' }, cver: 1 }]]);
    candidate('other@h', 1, 20);
    candidate('me@h', 7, 20);
    expect(sent.slice(1)).toEqual([
      ['worker-elect-ack', { id: 'e' }],
      ['worker-elect-ack', { id: 'e' }],
    ]);
    hear('worker-elect-ack', 'other@h', { id: 'e' });
    expect(called).toEqual([{ task: 'me@h' }]);
    expect(log.map(({ text }) => text)).toContain('I won the election e');
  });

  it('is lost without a deed', () => {
    hear('worker-heartbeat', 'a@h', { freq: 2 });
    gossip.elect('e', 'task', {});
    candidate('me@h', 7, 21);
    candidate('a@h', 1, 20);
    hear('worker-elect-ack', 'a@h', { id: 'e' });
    expect(called).toEqual([]);
    expect(log.map(({ text }) => text)).toContain('node a@h.1 elected for e');
  });

  it('waits for an answer from everybody alive', () => {
    for (const name of ['a@h', 'b@h', 'c@h']) hear('worker-heartbeat', name, { freq: 2 });
    gossip.elect('e', 'task', {});
    candidate('me@h', 7, 1);
    hear('worker-elect-ack', 'a@h', { id: 'e' });
    hear('worker-elect-ack', 'b@h', { id: 'e' });
    expect(called).toEqual([]);
    hear('worker-elect-ack', 'c@h', { id: 'e' });
    expect(called).toHaveLength(1);
  });

  it('is only listened to by who was not asked', () => {
    candidate('a@h', 1, 1);
    hear('worker-elect-ack', 'a@h', { id: 'e' });
    expect([called, log]).toEqual([[], []]);
  });

  it('knows one topic', () => {
    gossip.elect('e', 'other', {});
    candidate('me@h', 7, 1, 'other');
    hear('worker-elect-ack', 'me@h', { id: 'e' });
    expect(called).toEqual([]);
    expect(log.at(-1)).toEqual({ level: 'error', text: 'Unknown election topic other' });
  });

  it('takes no harm from events of strangers, and forgets elections that never end', () => {
    for (const id of [undefined, 7, null, '__proto__']) {
      hear('worker-elect', 'a@h', { id, topic: 'task' });
      hear('worker-elect', 'a@h', { id: 'x', topic: id });
      hear('worker-elect-ack', 'a@h', { id });
    }
    for (let count = 0; count < 1000; count++) gossip.elect(String(count), 'task', {});
    hear('worker-elect', 'me@h', { id: '0', topic: 'task', pid: 7 });
    hear('worker-elect-ack', 'me@h', { id: '0' });
    expect(called).toEqual([]);
  });
});

describe('gossip', () => {
  it('notices a worker that falls silent, once, and none that said goodbye', async () => {
    gossip.start();
    hear('worker-heartbeat', 'silent@h', { freq: 2 });
    hear('worker-heartbeat', 'gone@h', { freq: 2 });
    hear('worker-offline', 'gone@h');
    hear('worker-heartbeat', 'me@h', { freq: 2 });
    await clock.advance(20_000);
    expect(log.map(({ text }) => text)).toEqual(['missed heartbeat from silent@h']);
    gossip.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
