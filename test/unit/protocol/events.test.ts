import { afterEach, describe, expect, it } from 'vitest';
import { decodeEnvelope } from '../../../src/protocol/envelope.js';
import { decodeEvents, eventGroup, eventRoutingKey, EventWriter, utcOffsetHours, type WireEvent } from '../../../src/protocol/events.js';
import type { Message } from '../../../src/protocol/message.js';
import { acceptedContent, JSON_CONTENT } from '../../../src/protocol/serializers.js';
import { CELERY_VERSIONS, readCapture } from '../../support/captures.js';

const accept = JSON_CONTENT;

function recordedMessages(version: string): { channel: string; message: Message; decoded: string }[] {
  return readCapture(`events-${version}`)
    .flatMap(({ redis = [] }) => redis)
    .filter(({ type, channel }) => type === 'publish' && channel?.includes('celeryev') === true)
    .map((entry) => ({
      channel: entry.channel ?? '',
      message: decodeEnvelope(entry.value as string),
      decoded: (entry as unknown as { decoded: string }).decoded,
    }));
}

describe.each(CELERY_VERSIONS)('what Celery %s recorded', (version) => {
  const messages = recordedMessages(version);

  it('is read, event by event', () => {
    expect(messages.length).toBeGreaterThan(60);
    for (const { message, decoded } of messages) {
      const wanted = JSON.parse(decoded) as unknown;
      expect(decodeEvents(message, accept)).toEqual(Array.isArray(wanted) ? wanted : [wanted]);
    }
  });

  it('is written the same, to the order of the keys', () => {
    for (const { message, channel } of messages) {
      const events = decodeEvents(message, accept);
      const texts = events.map(({ type, hostname, pid, clock, timestamp, utcoffset, ...own }) => {
        expect(utcoffset).toBe(0);
        return new EventWriter({ hostname: hostname as string, pid: pid as number }).write(
          type,
          own,
          clock as number,
          (timestamp as number) * 1000,
        );
      });
      const order = (text: string): string[] => Object.keys(JSON.parse(text) as object);
      for (const [index, text] of texts.entries()) {
        const recorded = events[index] as WireEvent;
        const { timestamp, ...rest } = JSON.parse(text) as WireEvent;
        expect({ ...rest, timestamp: recorded.timestamp }).toEqual(recorded);
        expect(timestamp).toBeCloseTo(recorded.timestamp as number, 5);
        expect(order(text)).toEqual(
          Object.keys(recorded)
            .filter((key) => key !== 'type' && key !== 'timestamp')
            .concat('timestamp', 'type'),
        );
      }
      const [first] = events as [WireEvent];
      const isBatch = channel.endsWith('task.multi');
      const writer = new EventWriter({ hostname: first.hostname as string, pid: first.pid as number });
      const written = isBatch ? writer.batch(texts) : writer.single(texts[0] ?? '');
      const { deliveryTag: _tag, deliveryInfo, ...properties } = message.properties;
      expect(written).toMatchObject({ headers: message.headers, properties, contentType: message.contentType });
      expect(deliveryInfo?.routingKey).toBe(isBatch ? 'task.multi' : eventRoutingKey(first.type));
    }
  });
});

describe('an event', () => {
  it('has a group and a routing key', () => {
    expect([eventGroup('task-received'), eventGroup('worker-elect-ack'), eventGroup('plain')]).toEqual(['task', 'worker', 'plain']);
    expect(eventRoutingKey('worker-elect-ack')).toBe('worker.elect.ack');
  });

  it('can be written in other serializers', () => {
    const writer = new EventWriter({ hostname: 'w@h', pid: 7 }, 'msgpack');
    const message = writer.batch([writer.write('task-started', { uuid: 'x' }, 1, 0)]);
    expect(message.contentType).toBe('application/x-msgpack');
    expect(decodeEvents(message, acceptedContent(['msgpack', 'json']))).toMatchObject([
      { type: 'task-started', uuid: 'x', hostname: 'w@h' },
    ]);
  });

  it('escapes whatever its fields hold', () => {
    const writer = new EventWriter({ hostname: 'w"\n@h', pid: 7 });
    const text = writer.write('task-"x', { uuid: '"\u2028\ud800', big: 2n ** 60n, nothing: Number.NaN }, 1, 0);
    expect(JSON.parse(text.replace('NaN', 'null'))).toMatchObject({ hostname: 'w"\n@h', uuid: '"\u2028\ud800', type: 'task-"x' });
  });

  it('is left out of a list when it is none; a message without any is refused', () => {
    const message = (body: unknown): Message => ({
      ...{ headers: {}, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8' },
      body: Buffer.from(JSON.stringify(body)),
    });
    expect(decodeEvents(message([1, null, { type: 7 }, [], { type: 'a-b' }]), accept)).toEqual([{ type: 'a-b' }]);
    for (const body of [7, null, 'x', { no: 'type' }]) expect(() => decodeEvents(message(body), accept)).toThrow('without an event');
    expect(() => decodeEvents({ ...message({}), contentType: 'application/x-python-serialize' }, accept)).toThrow('pickle');
  });
});

describe('the offset from UTC', () => {
  const zone = process.env['TZ'];
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it.each([
    ['UTC', '2026-07-01T00:00:00Z', 0],
    ['Europe/Paris', '2026-07-01T00:00:00Z', -2],
    ['Europe/Paris', '2026-01-01T00:00:00Z', -1],
    ['America/New_York', '2026-01-01T00:00:00Z', 5],
    ['Asia/Kolkata', '2026-01-01T00:00:00Z', -6],
  ])('in %s at %s is %d hours west, as Python counts', (name, at, hours) => {
    process.env['TZ'] = name;
    expect(utcOffsetHours(Date.parse(at))).toBe(hours);
  });
});
