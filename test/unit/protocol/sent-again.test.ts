import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { sentAgain } from '../../../src/protocol/sent-again.js';

const NOW = Date.parse('2026-06-01T12:00:00Z');

const envelope = (headers: Readonly<Record<string, unknown>>, properties: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    body: 'W1sxXSwge30sIHt9XQ==',
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: { priority: 6, delivery_info: { exchange: 'media', routing_key: 'media.video' }, delivery_tag: 'old', ...properties },
  });

const again = (text: string, queue?: string) => {
  const made = sentAgain(text, { deliveryTag: 'new', nowMs: NOW, queue });
  return { ...made, document: JSON.parse(made.text) as Record<string, Record<string, unknown>> };
};

describe('a message that is sent again', () => {
  it('keeps its body, its links and all that its sender wrote, digit for digit', () => {
    const text = envelope({ task: 't', id: 'x', retries: 0, group: 'g', stamps: { who: 'me' }, big: 'BIG' }).replace(
      '"BIG"',
      '12345678901234567890.50',
    );
    const { text: made, freshened, document } = again(text);
    expect(freshened).toEqual([]);
    expect(document['body']).toBe('W1sxXSwge30sIHt9XQ==');
    expect(document['headers']).toMatchObject({ task: 't', id: 'x', group: 'g', stamps: { who: 'me' } });
    expect(made).toContain('12345678901234567890.50');
    expect(document['properties']).toMatchObject({ priority: 6, delivery_info: { exchange: 'media', routing_key: 'media.video' } });
  });

  it('has a new tag, all its tries, and no deaths on its account, and is marked as delivered before', () => {
    const { document, freshened } = again(envelope({ task: 't', id: 'x', retries: 3, 'x-ctq-redeliveries': 6 }));
    expect(freshened).toEqual(['retries']);
    expect(document['headers']).toMatchObject({ retries: 0, 'x-ctq-redeliveries': 1, redelivered: true });
    expect(document['properties']).toMatchObject({ delivery_tag: 'new', delivery_info: { redelivered: true } });
  });

  it('loses an ETA and an expiry that are over, and only those', () => {
    const over = envelope(
      { task: 't', id: 'x', eta: '2026-06-01T11:00:00+00:00', expires: '2026-06-01T11:30:00Z' },
      { expiration: '1800000' },
    );
    const { document, freshened } = again(over);
    expect(freshened).toEqual(['eta', 'expires']);
    expect(document['headers']).toMatchObject({ eta: null, expires: null });
    expect(document['properties']).not.toHaveProperty('expiration');
    const coming = envelope(
      { task: 't', id: 'x', eta: '2026-06-01T13:00:00+00:00', expires: '2026-06-01T14:00:00Z' },
      { expiration: '1800000' },
    );
    expect(again(coming).document['headers']).toMatchObject({ eta: '2026-06-01T13:00:00+00:00', expires: '2026-06-01T14:00:00Z' });
    expect(again(coming).document['properties']).toMatchObject({ expiration: '1800000' });
  });

  it('goes elsewhere when it is told to', () => {
    expect(again(envelope({ task: 't', id: 'x' }), 'repair').document['properties']).toMatchObject({
      delivery_info: { exchange: '', routing_key: 'repair', redelivered: true },
    });
  });

  it('of protocol 1 keeps what stands in its body', () => {
    expect(again(envelope({})).freshened).toEqual([]);
    expect(again(envelope({})).document['headers']).not.toHaveProperty('retries');
  });

  it('is refused when it is no message', () => {
    for (const text of ['', 'nonsense', '[1]', '{']) expect(() => again(text)).toThrow(ProtocolError);
  });
});
