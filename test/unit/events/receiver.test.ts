import { describe, expect, it } from 'vitest';
import { EventReceiver, type ReceivedEvent } from '../../../src/events/receiver.js';
import type { Message } from '../../../src/protocol/message.js';
import { LamportClock } from '../../../src/protocol/lamport-clock.js';
import { FakeClock } from '../../support/fake-clock.js';
import { PublishingBroker } from '../../support/publishing-broker.js';

const lamport = new LamportClock();
const broker = new PublishingBroker();
const heard: [string, ReceivedEvent][] = [];
const problems: unknown[] = [];
const receiver = new EventReceiver({
  broker,
  exchange: 'celeryev',
  queuePrefix: 'celeryev',
  limits: { ttlS: 5, expiresS: 60 },
  serializer: 'json',
  routingKey: '#',
  clock: new FakeClock(10_000),
  lamport,
  onEvent: (event, routingKey) => heard.push([routingKey, event]),
  onProblem: (error) => problems.push(error),
});

function message(body: unknown, routingKey = 'task.multi'): Message {
  return {
    headers: { hostname: 'w@h' },
    properties: { deliveryInfo: { exchange: 'celeryev', routingKey } },
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  };
}

function hear(body: unknown, routingKey?: string): ReceivedEvent[] {
  heard.length = 0;
  receiver.receive(message(body, routingKey));
  return heard.map(([, event]) => event);
}

describe('an event receiver', () => {
  it('listens on a queue of its own while it is open', async () => {
    await receiver.open();
    expect([...broker.listeners.keys()]).toEqual([expect.stringMatching(/^celeryev\.[0-9a-f-]{36}$/)]);
    await receiver.close();
    expect(broker.listeners.size).toBe(0);
  });

  it('takes lists and single events, under any key, and notes when they came', () => {
    expect(
      hear([
        { type: 'task-started', uuid: 'a', clock: 5 },
        { type: 'task-failed', uuid: 'a', clock: 6 },
      ]),
    ).toEqual([
      { type: 'task-started', uuid: 'a', clock: 5, local_received: 10 },
      { type: 'task-failed', uuid: 'a', clock: 6, local_received: 10 },
    ]);
    hear({ type: 'worker-heartbeat', clock: 9 }, 'worker.heartbeat');
    expect(heard).toEqual([['worker.heartbeat', { type: 'worker-heartbeat', clock: 9, local_received: 10 }]]);
  });

  it('keeps its clock behind no worker, and out of the reach of clients and strangers', () => {
    hear({ type: 'worker-heartbeat', clock: 100 });
    expect(lamport.value).toBe(101);
    expect(hear({ type: 'task-sent', uuid: 'a', clock: 9999 })[0]?.clock).toBeLessThan(110);
    expect(hear({ type: 'worker-heartbeat' })[0]?.clock).toBeGreaterThan(101);
    expect(hear({ type: 'worker-heartbeat', clock: '7' })[0]?.clock).toBeGreaterThan(101);
    expect(lamport.value).toBeLessThan(110);
  });

  it('does not shift times between time zones: they are Unix times', () => {
    expect(hear({ type: 'a-b', clock: 1, timestamp: 1_795_250_124.5, utcoffset: -7 })[0]?.timestamp).toBe(1_795_250_124.5);
  });

  it('reports what is no event, and goes on', () => {
    problems.length = 0;
    for (const body of ['no JSON', [], 7, { no: 'type' }]) expect(hear(body)).toEqual([]);
    expect(problems).toHaveLength(3);
    expect(hear({ type: 'a-b' })).toHaveLength(1);
  });
});
