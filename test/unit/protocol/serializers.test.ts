import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { acceptedContent, deserialize, JSON_CONTENT, SERIALIZER_NAMES, serialize } from '../../../src/protocol/serializers.js';

const all = acceptedContent(SERIALIZER_NAMES);

describe('serialize and deserialize', () => {
  it.each(['json', 'yaml', 'msgpack'])('carry plain data through %s unchanged', (name) => {
    const text = fc.string({ unit: 'grapheme' });
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(
          null,
          true,
          false,
          0.5,
          -1e-7,
          1e300,
          2n ** 63n,
          -(2n ** 63n),
          9007199254740993n,
          2 ** 40,
          -(2 ** 40),
          'y',
          'n',
          'no',
          '1e5',
          '=',
          '<<',
          '~',
        ),
        fc.integer(),
        text,
        fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('tree')),
        fc.dictionary(
          text.filter((key) => key !== '__proto__'),
          tie('tree'),
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(deserialize(serialize(name, value), all)).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it('name the content as kombu does', () => {
    const labels = SERIALIZER_NAMES.map((name) => {
      const { contentType, contentEncoding } = serialize(name, []);
      return [name, contentType, contentEncoding];
    });
    expect(labels).toEqual([
      ['json', 'application/json', 'utf-8'],
      ['yaml', 'application/x-yaml', 'utf-8'],
      ['msgpack', 'application/x-msgpack', 'binary'],
    ]);
    expect(serialize('application/x-yaml', []).contentType).toBe('application/x-yaml');
  });

  it('write dates as strings where the reader has kombu 5.2', () => {
    const { body } = serialize('json', [new Date(0)], 'plain');
    expect(Buffer.from(body).toString()).toBe('["1970-01-01T00:00:00Z"]');
  });

  it('pass raw bytes and accepted text as they are', () => {
    const body = Buffer.from('é');
    expect(deserialize({ contentType: 'application/data', contentEncoding: 'binary', body }, JSON_CONTENT)).toBe(body);
    const text = acceptedContent(['text/plain']);
    expect(deserialize({ contentType: 'text/plain', contentEncoding: 'utf-8', body }, text)).toBe('é');
    expect(deserialize({ contentType: 'text/plain', contentEncoding: 'binary', body }, text)).toBe(body);
  });

  it('let the content type decide, never the encoding', () => {
    const body = Buffer.from('[1]');
    for (const contentEncoding of ['utf-8', 'binary', 'us-ascii', '']) {
      expect(deserialize({ contentType: 'application/json', contentEncoding, body }, JSON_CONTENT)).toEqual([1]);
    }
  });
});

describe('deserialize', () => {
  it.each([
    ['application/x-python-serialize', 'pickle'],
    ['application/x-yaml', 'yaml'],
    ['application/x-msgpack', 'msgpack'],
    ['application/x-own', 'application/x-own'],
    ['text/plain', 'text/plain'],
    ['constructor', 'constructor'],
  ])('refuses %s in the words of Celery', (contentType, name) => {
    const read = (): unknown => deserialize({ contentType, contentEncoding: 'binary', body: Buffer.from('x') }, JSON_CONTENT);
    expect(read).toThrow(
      new ProtocolError('CTQ_PROTOCOL_REFUSED', `Refusing to deserialize untrusted content of type ${name} (${contentType})`),
    );
  });
});

describe('acceptedContent', () => {
  it('takes names and content types', () => {
    expect([...acceptedContent(['json', 'application/x-yaml', 'msgpack', 'text/plain']).contentTypes]).toEqual([
      'application/json',
      'application/x-yaml',
      'application/x-msgpack',
      'text/plain',
    ]);
  });

  it.each(['pickle', 'application/x-python-serialize', 'xml', '', '__proto__'])('refuses %j', (name) => {
    expect(() => acceptedContent(['json', name])).toThrow(`No encoder/decoder installed for ${name}`);
  });
});
