/** Keys, certificates and what becomes of a signed message; that Celery agrees, test/interop shows. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultOf } from '../../../src/config/resolve.js';
import { decodeEnvelope, encodeEnvelope } from '../../../src/protocol/envelope.js';
import type { Message } from '../../../src/protocol/message.js';
import { acceptedContent, type Serialized } from '../../../src/protocol/serializers.js';
import { encodeTaskMessage } from '../../../src/protocol/task-call.js';
import { decodeTaskMessage } from '../../../src/protocol/task-message.js';
import { openSecurity, type SecuritySettings } from '../../../src/security/message-security.js';
import { FakeClock } from '../../support/fake-clock.js';
import { describeWith } from '../../support/requires.js';
import { makeCertStore, makeSigner, type TestSigner } from '../../support/signers.js';
import { tmpFolder } from '../../support/tmp.js';

const content: Serialized = { contentType: 'application/json', contentEncoding: 'utf-8', body: Buffer.from('[[1], {}, null]') };

describeWith('openssl', 'signed messages', () => {
  const folder = tmpFolder();
  let [ours, theirs, strangers]: TestSigner[] = [];
  let store = '';

  beforeAll(() => {
    ours = makeSigner(folder, 'ours');
    theirs = makeSigner(folder, 'theirs', { password: 'sesame', bits: 3072 });
    strangers = makeSigner(folder, 'strangers');
    store = makeCertStore(folder, [ours, theirs]);
  });

  const settings = (more: Partial<SecuritySettings> = {}): SecuritySettings => ({
    securityKey: ours?.key ?? null,
    securityCertificate: ours?.cert ?? null,
    securityKeyPassword: null,
    securityCertStore: store,
    securityDigest: 'sha256',
    securityLayout: defaultOf('securityLayout') as '5.5',
    securityHeaders: 'off',
    securityMaxAge: null,
    taskSerializer: 'auth',
    eventSerializer: 'json',
    acceptContent: ['auth'],
    ...more,
  });
  const open = (more: Partial<SecuritySettings> = {}, clock = new FakeClock(Date.now())) => openSecurity(settings(more), clock);
  const sign = (more: Partial<SecuritySettings> = {}): Uint8Array => open(more)?.signer?.sign(content).body ?? Buffer.alloc(0);

  it.each(['5.2', '5.5'] as const)(
    'are believed when somebody in the store has signed them, in the layout of Celery %s',
    (securityLayout) => {
      const password = { securityKey: theirs?.key ?? null, securityCertificate: theirs?.cert ?? null, securityKeyPassword: 'sesame' };
      expect(open()?.verifier.verify(sign({ securityLayout }))).toEqual(content);
      expect(open()?.verifier.verify(sign({ securityLayout, ...password }))).toEqual(content);
    },
  );

  it.each(['5.2', '5.5'] as const)('are refused when one bit is not as it was signed, in the layout of Celery %s', (securityLayout) => {
    const verifier = open()?.verifier;
    const bytes = Buffer.from(Buffer.from(sign({ securityLayout })).toString(), 'base64');
    // Signer, signature and body; what the content type is called is not signed, and JSON is all that fits this body.
    for (const at of [3, 60, bytes.length - 3]) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 1;
      expect(() => verifier?.verify(Buffer.from(bad.toString('base64')))).toThrow(/Refusing a signed message: /);
    }
  });

  it('are refused from somebody who is not in the store', () => {
    const foreign = sign({ securityKey: strangers?.key ?? null, securityCertificate: strangers?.cert ?? null });
    expect(() => open()?.verifier.verify(foreign)).toThrow(/no certificate of 'Example strangers \d+' is in security_cert_store/);
  });

  it('are refused from the day on which the certificate expires, and before it is valid', async () => {
    const body = sign();
    const clock = new FakeClock(Date.now());
    const verifier = open({}, clock)?.verifier;
    expect(verifier?.verify(body)).toEqual(content);
    await clock.advance(31 * 86_400_000);
    expect(() => verifier?.verify(body)).toThrow(/the certificate of 'Example ours \d+' has expired/);
    const early = open({}, new FakeClock(Date.now() - 86_400_000))?.verifier;
    expect(() => early?.verify(body)).toThrow(/is not valid yet/);
  });

  describe('with signed headers', () => {
    const message = (more: Partial<SecuritySettings> = {}, eta: Date | null = null): Message =>
      encodeTaskMessage({
        ...{ id: 'an-id', task: 'tasks.pay', args: [1], nowMs: Date.now(), origin: 'o', replyTo: 'r', eta, serializer: 'auth' },
        ...{
          signer: open({ securityHeaders: 'sign', ...more })?.signer,
          stamps: { at: new Date(0), n: 2n ** 70n },
          stampedHeaders: ['at'],
        },
      }) as Message;
    /** What arrives has been JSON. */
    const sentOver = (sent: Message): Message => decodeEnvelope(encodeEnvelope(sent));
    const read = (sent: Message, more: Partial<SecuritySettings> = {}, clock = new FakeClock(Date.now())) =>
      decodeTaskMessage(sentOver(sent), {
        accept: acceptedContent(['auth'], open({ securityHeaders: 'require', ...more }, clock)?.verifier),
      });

    it('are read as they were written, whoever asks for that or not', () => {
      expect(read(message())).toMatchObject({ task: 'tasks.pay', id: 'an-id', args: [1] });
      expect(read(message(), { securityHeaders: 'off' })).toMatchObject({ id: 'an-id' });
    });

    it.each([
      ['another task', { task: 'tasks.refund' }],
      ['another id', { id: 'another-id' }],
      ['another time', { eta: '2030-01-01T00:00:00+00:00' }],
      ['another stamp', { stamps: { at: new Date(1) } }],
    ])('are refused with %s in them', (_what, headers) => {
      const sent = message();
      expect(() => read({ ...sent, headers: { ...sent.headers, ...headers } }, { securityHeaders: 'off' })).toThrow(
        /the signature of the headers of 'Example ours \d+' is wrong/,
      );
    });

    it('are refused around the body of another message, and without a signature where that is required', () => {
      const [one, other] = [message(), message()];
      expect(() => read({ ...one, body: other.body })).toThrow(/the signature of the headers of .* is wrong/);
      const { 'x-ctq-seal': _, ...headers } = one.headers;
      expect(() => read({ ...one, headers })).toThrow(/its headers are not signed/);
      expect(() => read({ ...one, headers: { ...headers, 'x-ctq-seal': 7 } }, { securityHeaders: 'off' })).toThrow(
        /its headers are not signed/,
      );
      expect(read({ ...one, headers }, { securityHeaders: 'sign' })).toMatchObject({ id: 'an-id' });
    });

    it('are refused when they are older than security_max_age, counted from the ETA where there is one', () => {
      const later = (seconds: number): FakeClock => new FakeClock(Date.now() + seconds * 1000);
      expect(read(message(), { securityMaxAge: 60 }, later(50))).toMatchObject({ id: 'an-id' });
      expect(() => read(message(), { securityMaxAge: 60 }, later(120))).toThrow(/it is 1(19|20|21) s old, and security_max_age allows 60/);
      const eta = new Date(Date.now() + 100_000);
      expect(read(message({}, eta), { securityMaxAge: 60 }, later(120))).toMatchObject({ id: 'an-id' });
    });
  });

  it('need another digest where the settings name one', () => {
    const body = sign({ securityDigest: 'SHA512' });
    expect(open({ securityDigest: 'sha512' })?.verifier.verify(body)).toEqual(content);
    expect(() => open()?.verifier.verify(body)).toThrow(/the signature of .* is wrong/);
  });

  it('are nobody’s business where no setting speaks of them', () => {
    expect(open({ taskSerializer: 'json', acceptContent: ['json'], securityCertStore: '/nowhere' })).toBeUndefined();
  });

  it('can be read without a key', () => {
    const reader = open({ taskSerializer: 'json', securityKey: null, securityCertificate: null });
    expect(reader?.signer).toBeUndefined();
    expect(reader?.verifier.verify(sign())).toEqual(content);
  });

  describe('say in one line what is wrong with', () => {
    const file = (name: string, text = ''): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    it.each<[string, () => Partial<SecuritySettings>, RegExp]>([
      ['a missing key', () => ({ securityKey: null }), /need security_key, security_certificate and security_cert_store/],
      ['a missing store', () => ({ securityCertStore: null }), /need security_key, security_certificate and security_cert_store/],
      ['a key that is not there', () => ({ securityKey: '/nowhere/key' }), /^security_key: cannot read \/nowhere\/key: ENOENT$/],
      ['a file that is no key', () => ({ securityKey: file('no.key', 'hello') }), /no\.key cannot be read as a private key$/],
      ['a wrong password', () => ({ securityKey: theirs?.key ?? null, securityKeyPassword: 'x' }), /cannot be read as a private key$/],
      ['a key of another certificate', () => ({ securityKey: strangers?.key ?? null }), /is not of the key/],
      ['a file that is no certificate', () => ({ securityCertificate: file('no.pem', 'hello') }), /no\.pem: it is no certificate in PEM/],
      ['an empty store', () => ({ securityCertStore: tmpFolder() }), /there are no certificates at/],
      ['a store with something else in it', () => ({ securityCertStore: join(tmpFolder({ 'a.pem': '' }), '*') }), /it is no certificate/],
      ['a digest that nobody knows', () => ({ securityDigest: 'md5' }), /there is no digest "md5"/],
    ])('%s', (_what, more, words) => {
      expect(() => open(more())).toThrow(expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(words) as string }));
    });

    it('a store in which two certificates have one id', () => {
      const twins = tmpFolder();
      const twin = makeSigner(twins, 'a', { subject: '/CN=twin', serial: '7' });
      makeSigner(twins, 'b', { subject: '/CN=twin', serial: '7' });
      rmSync(twin.key);
      chmodSync(twin.cert, 0o644);
      expect(() => open({ securityCertStore: join(twins, '*.pem') })).toThrow(/has the issuer and number of another certificate there/);
    });
  });
});
