import { beforeEach, describe, expect, it } from 'vitest';
import { EventDispatcher, type DispatcherOptions } from '../../../src/events/dispatcher.js';
import { decodeEvents, type WireEvent } from '../../../src/protocol/events.js';
import { LamportClock } from '../../../src/protocol/lamport-clock.js';
import { JSON_CONTENT } from '../../../src/protocol/serializers.js';
import { FakeClock } from '../../support/fake-clock.js';
import { PublishingBroker } from '../../support/publishing-broker.js';

let broker: PublishingBroker;
let losses: number[];

beforeEach(() => {
  broker = new PublishingBroker();
  losses = [];
});

function dispatcher(more: Partial<DispatcherOptions> = {}): EventDispatcher {
  return new EventDispatcher({
    broker,
    source: { hostname: 'w@h', pid: 7 },
    exchange: 'celeryev',
    serializer: 'json',
    clock: new FakeClock(1_795_250_124_450),
    lamport: new LamportClock(),
    groups: 'all',
    onLoss: (count) => losses.push(count),
    ...more,
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sent = (): [string, WireEvent[]][] =>
  broker.published.map(({ message, route }) => [route.routingKey, decodeEvents(message, JSON_CONTENT)]);

describe('an event dispatcher', () => {
  it('never lets an event overtake those that were gathered before it', () => {
    const events = dispatcher();
    events.send('task-received', { uuid: 'a' });
    events.send('worker-heartbeat', { active: 1 });
    events.send('task-sent', { uuid: 'b' });
    expect(sent().map(([key, list]) => [key, list.map(({ clock }) => clock)])).toEqual([
      ['task.multi', [1]],
      ['worker.heartbeat', [2]],
    ]);
  });

  it('sends events of workers at once, each for itself, under their own key', () => {
    const events = dispatcher();
    events.send('worker-online', { freq: 2, active: 0 });
    events.send('worker-elect-ack', { id: 'x' });
    expect(sent()).toEqual([
      [
        'worker.online',
        [
          {
            hostname: 'w@h',
            utcoffset: expect.any(Number),
            pid: 7,
            clock: 1,
            freq: 2,
            active: 0,
            timestamp: 1795250124.45,
            type: 'worker-online',
          },
        ],
      ],
      ['worker.elect.ack', [expect.objectContaining({ clock: 2, id: 'x' })]],
    ]); // prettier-ignore
    expect(broker.published[0]?.route.exchange).toEqual({ name: 'celeryev', type: 'fanout' });
    expect(
      Buffer.from(broker.published[0]?.message.body ?? [])
        .toString()
        .startsWith('{'),
    ).toBe(true);
  });

  it('gathers the task events of one turn into one list, in order', async () => {
    const events = dispatcher();
    for (const type of ['task-received', 'task-started', 'task-succeeded']) events.send(type, { uuid: 'x' });
    expect(broker.published).toEqual([]);
    await turn();
    const [[key, list]] = sent() as [[string, WireEvent[]]];
    expect(key).toBe('task.multi');
    expect(list.map(({ type, clock }) => [type, clock])).toEqual([
      ['task-received', 1],
      ['task-started', 2],
      ['task-succeeded', 3],
    ]);
    expect(
      Buffer.from(broker.published[0]?.message.body ?? [])
        .toString()
        .startsWith('['),
    ).toBe(true);
  });

  it('sends a list as soon as it is long', async () => {
    const events = dispatcher();
    for (let count = 0; count < 250; count++) events.send('task-started', { uuid: String(count) });
    await turn();
    expect(sent().map(([, list]) => list.length)).toEqual([100, 100, 50]);
    expect(sent().flatMap(([, list]) => list.map(({ uuid }) => uuid))).toEqual(Array.from({ length: 250 }, (_, index) => String(index)));
  });

  it('sends only the groups that are on, and switches them at run time', async () => {
    const events = dispatcher({ groups: ['worker'] });
    events.send('task-started', { uuid: 'a' });
    expect([events.sends('task'), events.sends('worker')]).toEqual([false, true]);
    expect([events.enable('task'), events.enable('task')]).toEqual([true, false]);
    events.send('task-started', { uuid: 'b' });
    await turn();
    expect([events.disable('task'), events.disable('task')]).toEqual([true, false]);
    events.send('task-started', { uuid: 'c' });
    await turn();
    expect(sent().flatMap(([, list]) => list.map(({ uuid }) => uuid))).toEqual(['b']);
  });

  it('can be switched off one by one where all were switched on, and on again', () => {
    const events = dispatcher({ groups: 'all' });
    expect([events.enable('task'), events.disable('task'), events.sends('task'), events.sends('worker')]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect([events.disable('task'), events.enable('task'), events.sends('task')]).toEqual([false, true, true]);
  });

  it('closes when its last events have arrived, and sends nothing afterwards', async () => {
    const events = dispatcher();
    events.send('task-started', { uuid: 'last' });
    await events.close();
    events.send('task-started', { uuid: 'too late' });
    events.send('worker-heartbeat');
    await turn();
    expect(sent().flatMap(([, list]) => list.map(({ uuid }) => uuid))).toEqual(['last']);
  });

  it('drops events while the broker does not answer, within bounds, and says so', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    broker.publish = () => gate;
    const events = dispatcher();
    for (let count = 0; count < 600; count++) events.send('worker-heartbeat');
    expect(losses).toEqual([1]);
    release();
    await turn();
    expect(losses).toEqual([1, 100]);
  });

  it('is not hurt by a publish that fails, nor by a field that no JSON can hold', async () => {
    broker.failure = new Error('away');
    const events = dispatcher();
    events.send('worker-heartbeat');
    await turn();
    broker.failure = undefined;
    events.send('task-custom', { uuid: 'x', bad: () => 1 });
    events.send('worker-heartbeat');
    expect(losses.length).toBeGreaterThan(0);
    expect(sent()).toHaveLength(1);
  });
});
