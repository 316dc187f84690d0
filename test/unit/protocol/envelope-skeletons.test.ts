import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope } from '../../../src/protocol/envelope.js';
import { EnvelopeSkeletons } from '../../../src/protocol/envelope-skeletons.js';
import type { Message } from '../../../src/protocol/message.js';

/** As Celery 5.2 writes it. */
function celery(change: { readonly headers?: object; readonly properties?: object; readonly envelope?: object } = {}): string {
  const id = '9f3c7c1e-7c5e-4a8e-9b0b-0d5f6d1f2a3b';
  const headers = {
    ...{ lang: 'py', task: 'tasks.add', id, shadow: null, eta: null, expires: null, group: null, group_index: null, retries: 0 },
    ...{ timelimit: [null, null], root_id: id, parent_id: null, argsrepr: '(1, 2)', kwargsrepr: '{}', origin: 'gen1@host' },
    ...{ ignore_result: false, ...change.headers },
  };
  const properties = {
    ...{ correlation_id: id, reply_to: 'a-b', delivery_mode: 2, delivery_info: { exchange: '', routing_key: 'celery' }, priority: 0 },
    ...{ body_encoding: 'base64', ...change.properties, delivery_tag: '6a0f0f6e-5d3a-4b43-8d57-6b6c0c1f3c11' },
  };
  const body = Buffer.from('[[1, 2], {}, {}]').toString('base64');
  return python({ body, 'content-encoding': 'utf-8', 'content-type': 'application/json', headers, properties, ...change.envelope });
}

/** With Python's spaces behind commas and colons. */
function python(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}: ${python(inner)}`)
    .join(', ')}}`;
}

/** Skeletons that have heard one sender, without the parser behind them. */
function taught(text: string): EnvelopeSkeletons {
  const skeletons = new EnvelopeSkeletons((body) => Buffer.from(body, 'base64'));
  skeletons.learn(parseEnvelope(text));
  return skeletons;
}

function parsed(text: string): Message {
  return parseEnvelope(text).message;
}

describe('an envelope that looks like the one before', () => {
  it.each([
    ['another task with other arguments', { headers: { task: 'tasks.mul', id: 'x', root_id: 'y', argsrepr: "('a', {'b': 1})" } }],
    [
      'from another process, with another queue',
      { headers: { origin: 'gen2@other' }, properties: { delivery_info: { exchange: 'e', routing_key: 'q' } } },
    ],
    ['with another body', { envelope: { body: Buffer.from('[[], {"k": "v"}, {}]').toString('base64') } }],
    ['with texts that are empty', { headers: { task: '', argsrepr: '' }, envelope: { body: '' } }],
    ['with letters beyond ASCII', { headers: { argsrepr: "('grüße', '漢字', '😀')" } }],
  ])('is read as the parser reads it: %s', (_, change) => {
    const text = celery(change);
    expect(taught(celery()).read(text)).toEqual(parsed(text));
  });

  it.each([
    ['a date', { headers: { eta: '2030-01-01T00:00:00+00:00' } }, { headers: { eta: '2031-05-05T00:00:00+00:00' } }],
    ['a place in a group', { headers: { group: 'g', group_index: 0 } }, { headers: { group: 'h', group_index: 4711 } }],
    ['a time of sending', { properties: { timestamp: 1_700_000_000 } }, { properties: { timestamp: 1_800_000_001 } }],
    ['a header of its own', { headers: { traceparent: '00-a-b-01' } }, { headers: { traceparent: '00-c-d-00' } }],
    ['no address for replies', { properties: { reply_to: undefined } }, { headers: { id: 'z' }, properties: { reply_to: undefined } }],
  ])('is read when its sender gives %s', (_, first, second) => {
    const clean = (change: Parameters<typeof celery>[0]): string => celery(change).replace('"reply_to": undefined, ', '');
    const text = clean(second);
    expect(taught(clean(first)).read(text)).toEqual(parsed(text));
  });

  it('is another object each time: what one task writes into its headers the next does not see', () => {
    const skeletons = taught(celery());
    const first = skeletons.read(celery()) as { headers: Record<string, unknown> };
    first.headers['task'] = 'mine';
    expect(skeletons.read(celery())?.headers['task']).toBe('tasks.add');
  });
});

describe('an envelope that does not', () => {
  it.each([
    ['retries', celery({ headers: { retries: 1 } })],
    ['a header more', celery({ headers: { more: 'x' } })],
    ['a date where there was none', celery({ headers: { eta: '2030-01-01T00:00:00+00:00' } })],
    ['another content type', celery({ envelope: { 'content-type': 'application/x-yaml' } })],
    ['an escape', celery({ headers: { argsrepr: '("\\n",)' } })],
    ['something behind its end', `${celery()} `],
    ['its end cut off', celery().slice(0, -1)],
    ['a quote too many', celery().replace('tasks.add', 'tasks.add", "id": "other')],
    ['a number instead of a text', celery({ headers: { id: 17 } })],
    ['no JSON at all', 'hello'],
    ['nothing', ''],
  ])('is left to the parser: %s', (_, text) => {
    expect(taught(celery()).read(text)).toBeUndefined();
  });

  it.each([
    ['a time of sending that no double holds', '12345678901234567890'],
    ['a time of sending that is no number of JSON', '01'],
    ['a time of sending with an exponent', '1e3'],
  ])('is left to the parser: %s', (_, digits) => {
    const text = celery({ properties: { timestamp: 1_700_000_000 } });
    expect(taught(text).read(text.replace('1700000000', digits))).toBeUndefined();
    expect(taught(text).read(text.replace('1700000000', '1700000001'))?.properties.timestamp).toBe(1_700_000_001);
  });

  it('teaches nothing when a name is there twice: which one counts is for the parser to say', () => {
    const text = celery().replace('"task": "tasks.add"', '"task": "a", "task": "tasks.add"');
    expect(taught(text).read(text)).toBeUndefined();
  });

  it.each(['__proto__', '__type__'])('teaches nothing when it says %s', (word) => {
    const text = celery({ headers: { [`x${word}`]: word } });
    expect(taught(text).read(text)).toBeUndefined();
  });
});

describe('any two envelopes', () => {
  const value = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', '{', '}', ',', '": "', 'tasks.add'), fc.string());

  it('mean to the skeleton of the first what they mean to the parser, or nothing', () => {
    const text = fc
      .record({ task: value, id: value, argsrepr: value, origin: value, note: value, retries: fc.nat(2), group: fc.option(value) })
      .map((headers) => celery({ headers }));
    fc.assert(
      fc.property(text, text, (first, second) => {
        const read = taught(first).read(second);
        if (read !== undefined) expect(read).toEqual(parsed(second));
      }),
      { numRuns: 2_000 },
    );
  });

  it('mean the same when one letter behind the body is another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: celery().length - 1 }),
        fc.constantFrom('"', '{', '}', ',', ' ', '0', 'x', ':'),
        (at, letter) => {
          const text = celery().slice(0, at) + letter + celery().slice(at + 1);
          const read = taught(celery()).read(text);
          if (read === undefined) return;
          expect(read).toEqual(parsed(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('many senders', () => {
  it('are told apart: each of eight is read in its own way', () => {
    const texts = Array.from({ length: 8 }, (_, index) => celery({ headers: { retries: index } }));
    const skeletons = taught(texts[0] as string);
    for (const text of texts.slice(1)) {
      skeletons.learn(parseEnvelope(text));
    }
    for (const text of [...texts, ...texts]) expect(skeletons.read(text)).toEqual(parsed(text));
  });
});
