import { describe, expect, it } from 'vitest';
import { acceptedContent, deserialize, serialize, type Serialized } from '../../../src/protocol/serializers.js';
import { ANYBODY, controlContent, eventContent, packSigned, unpackSigned } from '../../../src/protocol/signing.js';

const content: Serialized = { contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from('[[1], {}, null]') };
/** With separators in it, as one signature in 256 has. */
const signature = Buffer.from([7, 0, 1, 0, 1, 9, 0, 1]);
const signed = { signer: 'Example Bücher 12', signature, content };

describe.each(['5.2', '5.5'] as const)('the layout of Celery %s', (layout) => {
  it('is read as it was written, whatever stands in signature and body', () => {
    const odd = { ...signed, content: { ...content, body: Buffer.from([0, 1, 0, 1, 255]) } };
    for (const one of [signed, odd]) {
      const message = packSigned(one, layout);
      expect(message).toMatchObject({ contentType: 'application/data', contentEncoding: 'utf-8' });
      expect(unpackSigned(message.body, () => signature.length)).toEqual(one);
    }
  });

  it('is shown to people without a certificate', () => {
    expect(ANYBODY.verify(packSigned({ ...signed, signature: Buffer.alloc(256, 3) }, layout).body)).toEqual(content);
  });
});

describe('a body that is no signed message', () => {
  it.each([
    ['nothing', ''],
    ['no base64', '%%%%'],
    ['one field', Buffer.from('abc').toString('base64')],
    ['a signer alone', Buffer.from('abc 1\0\u0001').toString('base64')],
    ['half a signature', Buffer.from('abc 1\0\u0001xx').toString('base64')],
    ['no body', Buffer.from('YQ==\0\u0001YQ==\0\u0001application/json').toString('base64')],
  ])('is refused: %s', (_what, text) => {
    expect(() => unpackSigned(Buffer.from(text), () => 256)).toThrow(/not a signed message/);
    expect(() => unpackSigned(Buffer.from(text), () => undefined)).toThrow(/not a signed message/);
  });
});

describe('the serializer auth', () => {
  const signer = { serializer: 'json', sign: (inner: Serialized) => packSigned({ ...signed, content: inner }, '5.5') };

  it('is no use without a key, or without certificates', () => {
    expect(() => serialize('auth', [])).toThrow(/nothing to sign messages with/);
    expect(() => acceptedContent(['auth'])).toThrow(/no certificates/);
  });

  it('hands what was signed to the serializer that it names, and to no pickle', () => {
    const accept = acceptedContent(['auth'], ANYBODY);
    expect(deserialize(serialize('auth', { a: [1] }, 'typed', signer), accept)).toEqual({ a: [1] });
    const pickle = signer.sign({ contentType: 'application/x-python-serialize', contentEncoding: 'binary', body: Buffer.from('.') });
    expect(() => deserialize(pickle, accept)).toThrow(/Refusing to deserialize signed content of type application\/x-python-serialize/);
  });

  it('alone lets nothing unsigned in', () => {
    const accept = acceptedContent(['auth'], ANYBODY);
    expect(() => deserialize(content, accept)).toThrow(/untrusted content of type json/);
  });

  it('decides for remote control and events, too', () => {
    const security = { signer, verifier: ANYBODY };
    const both = (taskSerializer: string, acceptContent: string[]) => controlContent({ taskSerializer, acceptContent }, security);
    expect([...both('auth', ['auth']).accept.contentTypes]).toEqual(['application/data']);
    expect(both('auth', ['auth']).signer).toBe(signer);
    expect([...both('json', ['json', 'auth']).accept.contentTypes]).toEqual(['application/data', 'application/json']);
    expect(both('json', ['yaml']).signer).toBeUndefined();
    expect([...both('json', ['yaml']).accept.contentTypes]).toEqual(['application/json']);
    expect([...eventContent('auth', security).contentTypes]).toEqual(['application/data']);
    expect([...eventContent('msgpack', security).contentTypes]).toEqual(['application/x-msgpack', 'application/json']);
  });
});
