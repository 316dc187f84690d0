import { describe, expect, it } from 'vitest';
import { bodyBytes, decodeDelivered, DUE_HEADER, encodeProperties, readdressed } from '../../../../src/brokers/amqp/wire.js';
import type { AmqpDelivered } from '../../../../src/connections/amqp.js';
import { ProtocolError } from '../../../../src/errors.js';
import type { Message } from '../../../../src/protocol/message.js';
import { taskMessage } from '../../../contract/messages.js';

/** As the server would hand it over, were its tables those of the driver's types. */
function delivered(message: Message, fields: Partial<AmqpDelivered['fields']> = {}): AmqpDelivered {
  const properties = encodeProperties(message);
  const plain = JSON.parse(JSON.stringify(properties['headers'], (_key, value: unknown) => unmarked(value))) as Record<string, unknown>;
  return {
    fields: { consumerTag: 'c', deliveryTag: 1, redelivered: false, exchange: 'shop', routingKey: 'orders', ...fields },
    properties: { ...properties, headers: plain },
    content: bodyBytes(message),
  } as AmqpDelivered;
}

function unmarked(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null && '!' in value && 'value' in value) return value.value;
  return value;
}

describe('messages on AMQP', () => {
  it('come back as they were sent', () => {
    const sent: Message = {
      ...taskMessage('x', { correlationId: 'corr', replyTo: 'oid', priority: 4, expiration: '120000', timestamp: 1_700_000_000 }),
      headers: { id: 'x', nested: { list: [1, null, 'ü'], flag: true }, half: 0.5, big: 2 ** 40, none: null, '!': 'mine' },
      contentEncoding: 'binary',
    };
    const { message, redeliveryCount, dueAtMs } = decodeDelivered(delivered(sent));
    expect(message.headers).toEqual(sent.headers);
    expect(message.properties).toEqual({ ...sent.properties, deliveryInfo: { exchange: 'shop', routingKey: 'orders' } });
    expect(message).toMatchObject({ contentType: 'application/json', contentEncoding: 'binary' });
    expect(Buffer.from(message.body)).toEqual(Buffer.from(sent.body));
    expect([redeliveryCount, dueAtMs]).toEqual([0, 0]);
  });

  it.each([
    ['a whole number beyond 64 bits', { n: 2n ** 63n }],
    ['a function', { n: () => 1 }],
    ['a name of 300 letters', { ['n'.repeat(300)]: 1 }],
  ])('are refused with %s in their headers', (_what, headers) => {
    expect(() => encodeProperties({ ...taskMessage('x'), headers })).toThrow(ProtocolError);
  });

  it('write numbers as the driver and py-amqp both read them', () => {
    const given = { small: 200, minus: -5, big: 2 ** 40, bigint: 2n ** 62n, low: -(2 ** 40), nan: Number.NaN, huge: 1e300, half: 0.5 };
    const { headers } = encodeProperties({ ...taskMessage('x'), headers: given });
    const tags = Object.entries(headers as Record<string, { '!': string }>).map(([name, value]) => [name, value['!']]);
    expect(Object.fromEntries(tags)).toEqual({
      small: 'int32',
      minus: 'int32',
      big: 'int64',
      bigint: 'int64',
      low: 'double',
      nan: 'double',
      huge: 'double',
      half: 'double',
    });
  });

  it('keep their first address, their count and their time to live when they are sent again by us', () => {
    const first = decodeDelivered(delivered(taskMessage('x', { expiration: '5000' }))).message;
    const again = readdressed(first, { redeliveries: 3, dueAtMs: 1_700_000_000_123 });
    expect(again.properties.expiration).toBeUndefined();
    const came = decodeDelivered(delivered(again, { exchange: 'ctq_celery_delayed_delivery', routingKey: '0.1.orders' }));
    expect(came).toMatchObject({ redeliveryCount: 3, dueAtMs: 1_700_000_000_123 });
    expect(came.message.properties).toMatchObject({
      expiration: '5000',
      deliveryInfo: { exchange: 'shop', routingKey: 'orders', redelivered: true },
    });
    expect(came.message.headers).toEqual(first.headers);
  });

  it('count what a quorum queue has counted, and a flag as one', () => {
    const counted = (headers: Record<string, unknown>, redelivered = false): number =>
      decodeDelivered(delivered({ ...taskMessage('x'), headers }, { redelivered })).redeliveryCount;
    expect(counted({ 'x-delivery-count': 4 }, true)).toBe(4);
    expect(counted({}, true)).toBe(1);
    expect(counted({ [DUE_HEADER]: 'soon', 'x-ctq-redeliveries': -2 })).toBe(0);
  });
});
