import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { decodeEnvelope, encodeEnvelope, redeliver, redeliveryCount } from '../../../src/protocol/envelope.js';
import { parseJson } from '../../../src/protocol/kombu-json.js';
import type { Message } from '../../../src/protocol/message.js';
import { CELERY_VERSIONS, capturedMessages, readCapture } from '../../support/captures.js';

const plain: Message = {
  headers: { task: 'tasks.add', id: 'x' },
  properties: {
    correlationId: 'x',
    replyTo: 'oid-1',
    deliveryMode: 2,
    priority: 0,
    deliveryTag: 'tag-1',
    deliveryInfo: { exchange: '', routingKey: 'celery' },
  },
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  body: Buffer.from('[[1, 2], {}, {}]'),
};

/** An envelope as an object, to be bent out of shape. */
function wire(change: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...(JSON.parse(encodeEnvelope(plain)) as Record<string, unknown>), ...change };
}

const properties = (change: Record<string, unknown>): Record<string, unknown> => ({
  properties: { ...(wire()['properties'] as object), ...change },
});

describe('encodeEnvelope', () => {
  it('writes all the parts that a Python worker cannot do without, in the order of Python', () => {
    expect(JSON.parse(encodeEnvelope(plain))).toEqual({
      body: 'W1sxLCAyXSwge30sIHt9XQ==',
      'content-encoding': 'utf-8',
      'content-type': 'application/json',
      headers: { task: 'tasks.add', id: 'x' },
      properties: {
        correlation_id: 'x',
        reply_to: 'oid-1',
        delivery_mode: 2,
        delivery_info: { exchange: '', routing_key: 'celery' },
        priority: 0,
        body_encoding: 'base64',
        delivery_tag: 'tag-1',
      },
    });
    expect(Object.keys(wire())).toEqual(['body', 'content-encoding', 'content-type', 'headers', 'properties']);
    expect(Object.keys(wire()['properties'] as object)).toEqual([
      'correlation_id',
      'reply_to',
      'delivery_mode',
      'delivery_info',
      'priority',
      'body_encoding',
      'delivery_tag',
    ]);
  });

  it('fills in the defaults of delivery mode and priority', () => {
    const bare = JSON.parse(encodeEnvelope({ ...plain, properties: {} })) as { properties: unknown };
    expect(bare.properties).toEqual({ delivery_mode: 2, delivery_info: {}, priority: 0, body_encoding: 'base64' });
  });

  it('lets the postmark of the broker win over what the message had', () => {
    const text = encodeEnvelope(plain, { deliveryTag: 'tag-2', deliveryInfo: { exchange: 'ex', routingKey: 'rk', redelivered: true } });
    expect(decodeEnvelope(text).properties).toMatchObject({
      deliveryTag: 'tag-2',
      deliveryInfo: { exchange: 'ex', routingKey: 'rk', redelivered: true },
    });
  });

  it('does not let further properties replace the known ones', () => {
    const message = {
      ...plain,
      properties: { ...plain.properties, extra: { app_id: 'appx', delivery_tag: 'forged', body_encoding: 'none', gone: undefined } },
    };
    const { properties } = JSON.parse(encodeEnvelope(message)) as { properties: Record<string, unknown> };
    expect(properties).toMatchObject({ app_id: 'appx', delivery_tag: 'tag-1', body_encoding: 'base64' });
    expect(properties).not.toHaveProperty('gone');
  });

  it('encodes a body that is a view on a larger buffer', () => {
    const body = new Uint8Array(Buffer.from('xx[]xx')).subarray(2, 4);
    expect(decodeEnvelope(encodeEnvelope({ ...plain, body })).body.toString()).toBe('[]');
  });
});

describe('decodeEnvelope', () => {
  it('gives back the message that encodeEnvelope wrote', () => {
    const message = {
      ...plain,
      headers: { ...plain.headers, big: 2n ** 70n },
      properties: { ...plain.properties, expiration: '1500', extra: { app_id: 'a' } },
    };
    expect(decodeEnvelope(encodeEnvelope(message))).toEqual(message);
  });

  it.each(CELERY_VERSIONS)('reads every message recorded from Celery %s and writes it back the same', (version) => {
    const texts = readCapture(`messages-${version}`).flatMap(capturedMessages);
    expect(texts.length).toBeGreaterThan(130);
    for (const text of texts) expect(parseJson(encodeEnvelope(decodeEnvelope(text)))).toEqual(parseJson(text));
  });

  it('reads what lacks parts that would end a Python worker', () => {
    const without = (name: string): string => JSON.stringify({ ...wire(), [name]: undefined });
    expect(decodeEnvelope(without('properties'))).toMatchObject({ properties: {}, headers: { id: 'x' } });
    expect(decodeEnvelope(without('headers')).headers).toEqual({});
    expect(decodeEnvelope(JSON.stringify(wire({ headers: null }))).headers).toEqual({});
    expect(decodeEnvelope(without('content-type')).contentType).toBe('');
    expect(decodeEnvelope(without('content-encoding')).contentEncoding).toBe('utf-8');
    expect(decodeEnvelope(without('body')).body).toHaveLength(0);
    expect(decodeEnvelope(JSON.stringify(wire(properties({ delivery_tag: undefined })))).properties.deliveryTag).toBeUndefined();
    expect(decodeEnvelope(JSON.stringify(wire(properties({ delivery_info: undefined })))).properties.deliveryInfo).toBeUndefined();
    expect(decodeEnvelope(JSON.stringify(wire(properties({ delivery_info: {} })))).properties.deliveryInfo).toEqual({
      exchange: '',
      routingKey: '',
    });
  });

  it('takes a body as text when the encoding says so or says nothing', () => {
    for (const body_encoding of [undefined, null, 'utf-8']) {
      const text = JSON.stringify(wire({ body: '[["é"], {}, {}]', ...properties({ body_encoding }) }));
      expect(decodeEnvelope(text).body.toString()).toBe('[["é"], {}, {}]');
    }
  });

  it('ignores properties of the wrong type and keeps unknown ones', () => {
    const text = JSON.stringify(
      wire(properties({ priority: 'high', correlation_id: 7, delivery_tag: {}, delivery_info: [], app_id: 'x', ['__proto__']: 1 })),
    );
    const { properties: read } = decodeEnvelope(text);
    expect(read).toMatchObject({ replyTo: 'oid-1', extra: { app_id: 'x' } });
    expect(read.priority ?? read.correlationId ?? read.deliveryTag ?? read.deliveryInfo).toBeUndefined();
  });

  it.each([
    ['not JSON', 'nonsense', 'the message is not JSON: Expecting value: line 1 column 1 (char 0)'],
    ['an empty text', '', 'the message is not JSON: Expecting value: line 1 column 1 (char 0)'],
    ['a list', '[]', 'the message is not a JSON object'],
    ['a number', '7', 'the message is not a JSON object'],
    ['null', 'null', 'the message is not a JSON object'],
    ['headers that are a list', JSON.stringify(wire({ headers: [] })), 'the headers are not an object'],
    ['properties that are text', JSON.stringify(wire({ properties: 'x' })), 'the properties are not an object'],
    ['a body that is an object', JSON.stringify(wire({ body: {} })), 'the body is not text'],
    ['a body that is a typed value', JSON.stringify(wire({ body: { __type__: 'bytes', __value__: 'x' } })), 'the body is not text'],
    ['an unknown body_encoding', JSON.stringify(wire(properties({ body_encoding: 'hex' }))), "unknown body_encoding 'hex'"],
    ['garbage for base64', JSON.stringify(wire({ body: '!!! garbage !!!' })), 'the body is not base64'],
    ['base64 without its padding', JSON.stringify(wire({ body: 'W1sxLCAyXSwge30sIHt9XQ' })), 'the body is not base64'],
    ['base64 cut short', JSON.stringify(wire({ body: 'W1sxLCAyXSwge30sIHt9X' })), 'the body is not base64'],
  ])('refuses %s', (_what, text, message) => {
    const error = (() => {
      try {
        decodeEnvelope(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: 'CTQ_PROTOCOL_MALFORMED', message });
  });

  it('takes base64 with line breaks, as Python does', () => {
    expect(decodeEnvelope(JSON.stringify(wire({ body: 'W1sxLCAyXSwg\ne30sIHt9XQ==\n' }))).body.toString()).toBe('[[1, 2], {}, {}]');
  });
});

describe('redeliver', () => {
  const text = encodeEnvelope({ ...plain, headers: { ...plain.headers, retries: 3 } });

  it('gives a fresh tag, sets both flags, counts, and changes nothing else', () => {
    const before = JSON.parse(text) as { headers: object; properties: { delivery_info: object } };
    const after = JSON.parse(redeliver(text, { deliveryTag: 'tag-2', after: 'death' })) as unknown;
    expect(after).toEqual({
      ...before,
      headers: { ...before.headers, redelivered: true, 'x-ctq-redeliveries': 1 },
      properties: { ...before.properties, delivery_tag: 'tag-2', delivery_info: { ...before.properties.delivery_info, redelivered: true } },
    });
  });

  it('counts deaths on, and not returns', () => {
    let again = text;
    for (let time = 0; time < 3; time++) again = redeliver(again, { deliveryTag: `tag-${time}`, after: 'death' });
    expect(redeliveryCount(decodeEnvelope(again))).toBe(3);
    expect(redeliveryCount(decodeEnvelope(redeliver(again, { deliveryTag: 'r', after: 'return' })))).toBe(3);
    expect(redeliveryCount(decodeEnvelope(redeliver(text, { deliveryTag: 'r', after: 'return' })))).toBe(1);
  });

  it('leaves numbers, unknown types and unknown parts digit for digit as they came', () => {
    const odd =
      '{"body":"","headers":{"a":1.0,"b":1180591620717411303424,"c":1e-07,"d":NaN,"e":-Infinity,"f":{"__type__":"nope","__value__":-0.0},"__proto__":1},"properties":{"x":12345678901234567890.10},"more":[1.50]}';
    const after = redeliver(odd, { deliveryTag: 't', after: 'death' });
    for (const piece of [
      '"a":1.0',
      '1180591620717411303424',
      '1e-07',
      'NaN',
      '-Infinity',
      '{"__type__":"nope","__value__":-0.0}',
      '"__proto__":1',
      '12345678901234567890.10',
      '[1.50]',
    ]) {
      expect(after).toContain(piece);
    }
  });

  it.each(CELERY_VERSIONS)('keeps every message recorded from Celery %s readable and otherwise the same', (version) => {
    for (const text of readCapture(`messages-${version}`).flatMap(capturedMessages)) {
      const before = decodeEnvelope(text);
      const after = decodeEnvelope(redeliver(text, { deliveryTag: 'again', after: 'death' }));
      const { redelivered, 'x-ctq-redeliveries': count, ...headers } = after.headers;
      expect([redelivered, count]).toEqual([true, 1]);
      expect({ ...after, headers, properties: { ...after.properties, deliveryTag: '', deliveryInfo: null } }).toEqual({
        ...before,
        properties: { ...before.properties, deliveryTag: '', deliveryInfo: null },
      });
    }
  });

  it('makes the missing parts that it has to write in', () => {
    expect(decodeEnvelope(redeliver('{"body":"x","headers":null}', { deliveryTag: 't', after: 'death' }))).toMatchObject({
      headers: { redelivered: true, 'x-ctq-redeliveries': 1 },
      properties: { deliveryTag: 't', deliveryInfo: { redelivered: true } },
    });
  });

  it('refuses what is no envelope', () => {
    for (const text of ['', '[]', 'null', '{"a":}', '['.repeat(100_000)])
      expect(() => redeliver(text, { deliveryTag: 't', after: 'death' })).toThrow(ProtocolError);
  });
});

describe('redeliveryCount', () => {
  const count = (headers: Record<string, unknown>, redelivered?: boolean): number =>
    redeliveryCount({
      ...plain,
      headers,
      properties: { deliveryInfo: { exchange: '', routingKey: 'q', ...(redelivered === undefined ? {} : { redelivered }) } },
    });

  it('is what ctq counted, or 1 for what Python flagged', () => {
    expect(count({})).toBe(0);
    expect(count({ 'x-ctq-redeliveries': 4, redelivered: true })).toBe(4);
    expect(count({ redelivered: true })).toBe(1);
    expect(count({}, true)).toBe(1);
  });

  it('does not believe a count that is none', () => {
    for (const value of ['4', -1, 1.5, Number.NaN, 2n ** 64n, null, {}]) expect(count({ 'x-ctq-redeliveries': value })).toBe(0);
  });
});
