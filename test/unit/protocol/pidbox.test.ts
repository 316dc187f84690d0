import { describe, expect, it } from 'vitest';
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.js';
import type { Message } from '../../../src/protocol/message.js';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  mailboxQueue,
  replyQueue,
  requestRoute,
} from '../../../src/protocol/pidbox.js';
import { controlQueueLimits, eventQueueLimits } from '../../../src/protocol/own-queue.js';
import { answersOf, pidboxCaptures, pidboxEntry, replyMessagesOf, requestsOf } from '../../support/pidbox-captures.js';

const limits = { ttlS: 300, expiresS: 10 };

function requestOf(body: unknown, headers: Record<string, unknown> = {}): Message {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return { headers, properties: {}, contentType: 'application/json', contentEncoding: 'utf-8', body: bytes };
}

describe.each(['5.2', '5.6'] as const)('what Celery %s recorded', (version) => {
  const entries = pidboxCaptures[version];

  it('is read: every request and every reply', () => {
    const requests = entries.flatMap(requestsOf).map((message) => decodeRequest(message));
    const replies = entries.flatMap(replyMessagesOf).map((message) => decodeReply(message));
    expect(requests.length).toBeGreaterThan(60);
    expect(replies.length).toBeGreaterThan(60);
    const tickets = new Set(requests.map(({ ticket }) => ticket));
    for (const { ticket, values } of replies) {
      expect(tickets).toContain(ticket);
      expect(values.size).toBe(1);
    }
  });

  it('is written the same: requests', () => {
    for (const message of entries.flatMap(requestsOf)) {
      const request = decodeRequest(message);
      const { clock, expires } = message.headers;
      // The hand-made one is shorter than what Celery sends.
      if (clock === undefined) continue;
      const written = encodeRequest(request, clock as number, expires as number);
      expect(JSON.parse(Buffer.from(written.body).toString())).toEqual(JSON.parse(Buffer.from(message.body).toString()));
      expect(written.headers).toEqual(message.headers);
      expect(written.properties).toMatchObject({ deliveryMode: 2, priority: 0 });
    }
  });

  it('is written the same: replies', () => {
    const entry = pidboxEntry(entries, 'inspect ping');
    const [message] = replyMessagesOf(entry) as [Message];
    const { ticket, clock } = decodeReply(message);
    const written = encodeReply('worker1@host', answersOf(entry)[0], ticket, clock as number);
    const { deliveryTag, deliveryInfo, ...properties } = message.properties;
    expect({ ...written, body: written.body.toString() }).toEqual({
      ...message,
      properties,
      body: '{"worker1@host":{"ok":"pong"}}',
    });
    expect([deliveryTag, deliveryInfo]).toBeDefined();
  });
});

describe('a request', () => {
  it.each([
    ['null arguments', { method: 'ping', arguments: null }],
    ['no arguments', { method: 'ping' }],
    ['an empty destination, which is everybody', { method: 'ping', destination: [] }],
    ['unknown fields', { method: 'ping', more: { x: 1 } }],
  ])('is taken with %s', (_what, body) => {
    expect(decodeRequest(requestOf(body))).toMatchObject({ method: 'ping', arguments: {}, destination: null, replyTo: null, ticket: null });
  });

  it('is taken without headers, as the envelope of somebody else has none', () => {
    const text = '{"body": "{\\"method\\": \\"ping\\"}", "content-type": "application/json", "properties": {}}';
    expect(decodeRequest(decodeEnvelope(text))).toMatchObject({ method: 'ping', clock: undefined });
  });

  it.each([
    ['no method', {}],
    ['a number for a method', { method: 7 }],
    ['an empty method', { method: '' }],
    ['a list for arguments', { method: 'ping', arguments: [1] }],
    ['a text for a destination', { method: 'ping', destination: 'worker1@host' }],
    ['half an address', { method: 'ping', reply_to: { exchange: 'x' } }],
    ['an address of numbers', { method: 'ping', reply_to: { exchange: 1, routing_key: 2 } }],
    ['an address too long for a name', { method: 'ping', reply_to: { exchange: 'x'.repeat(300), routing_key: 'y' } }],
    ['a list', []],
    ['null', 'null'],
    ['no JSON', 'ping!'],
    ['nesting without end', '['.repeat(100_000)],
  ])('is refused with %s', (_what, body) => {
    expect(() => decodeRequest(requestOf(body))).toThrow(expect.objectContaining({ name: 'ProtocolError' }));
  });

  it('is refused in another content type, pickle above all', () => {
    for (const contentType of ['application/x-python-serialize', 'application/x-yaml', 'application/data', '']) {
      expect(() => decodeRequest({ ...requestOf({ method: 'ping' }), contentType })).toThrow();
    }
  });

  it('is meant for nobody when its destination names no text', () => {
    expect(decodeRequest(requestOf({ method: 'ping', destination: [1, null] })).destination).toEqual([]);
  });
});

describe('a reply', () => {
  it('writes dates as text, which readers of every version understand', () => {
    const reply = encodeReply('n@h', [new Date(0)], 't', 1);
    expect(Buffer.from(reply.body).toString()).not.toContain('__type__');
  });

  it('survives the envelope', () => {
    const reply = encodeReply('n@h', { ok: 'pong' }, 't', 7);
    expect(decodeReply(decodeEnvelope(encodeEnvelope(reply)))).toEqual({
      ticket: 't',
      clock: 7,
      expiresS: null,
      values: new Map([['n@h', { ok: 'pong' }]]),
    });
  });
});

describe('the queues', () => {
  it('have the names and limits of Celery', () => {
    expect(mailboxQueue('w1@host', 'celery', limits)).toEqual({
      name: 'w1@host.celery.pidbox',
      exchange: { name: 'celery.pidbox', type: 'fanout', durable: false },
      routingKey: '',
      durable: false,
      autoDelete: true,
      arguments: { 'x-expires': 10_000, 'x-message-ttl': 300_000 },
    });
    expect(replyQueue('oid', 'x', limits)).toMatchObject({
      name: 'oid.reply.x.pidbox',
      exchange: { name: 'reply.x.pidbox', type: 'direct' },
      routingKey: 'oid',
    });
    expect(requestRoute('celery')).toEqual({ exchange: { name: 'celery.pidbox', type: 'fanout', durable: false }, routingKey: '' });
  });

  it('are exclusive or durable where the settings say so, and never both', () => {
    const given = { controlQueueTtl: 300, controlQueueExpires: 10, controlQueueExclusive: false, controlQueueDurable: false };
    const queue = (more: object) => replyQueue('oid', 'x', controlQueueLimits({ ...given, ...more }));
    expect(queue({})).toEqual(replyQueue('oid', 'x', limits));
    expect(queue({ controlQueueExclusive: true })).toMatchObject({ durable: false, autoDelete: true, exclusive: true });
    expect(queue({ controlQueueDurable: true })).toMatchObject({ durable: true, autoDelete: false });
    expect(() => queue({ controlQueueExclusive: true, controlQueueDurable: true })).toThrow('exclude each other');
    expect(eventQueueLimits({ eventQueueExpires: 60, eventQueueExclusive: true, eventQueueDurable: false }, 5)).toEqual({
      ttlS: 5,
      expiresS: 60,
      lifetime: 'exclusive',
    });
  });
});
