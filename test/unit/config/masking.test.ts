import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskUrl, maskUrlsIn } from '../../../src/config/masking.js';

describe('maskUrl', () => {
  it.each([
    ['redis://localhost:6379/0', 'redis://localhost:6379/0'],
    ['redis://:secret@localhost/0', 'redis://:**@localhost/0'],
    ['redis://user:secret@localhost:6379/0', 'redis://user:**@localhost:6379/0'],
    ['redis://user@localhost:6379/0', 'redis://user@localhost:6379/0'],
    ['amqps://u:p%40q@h:5671//v', 'amqps://u:**@h:5671//v'],
    ['rediss://h/0?ssl_cert_reqs=required&password=secret', 'rediss://h/0?ssl_cert_reqs=required&password=**'],
    ['rediss://h/0?ssl_keyfile=/etc/key.pem', 'rediss://h/0?ssl_keyfile=/etc/key.pem'],
    ['sqs://h?aws_secret_access_key=x&token=y&region=z', 'sqs://h?aws_secret_access_key=**&token=**&region=z'],
    ['redis+socket:///run/r.sock?virtual_host=1&password=x', 'redis+socket:///run/r.sock?virtual_host=1&password=**'],
    ['sentinel://:a@h1:26379;sentinel://:b@h2:26379/0', 'sentinel://:**@h1:26379;sentinel://:**@h2:26379/0'],
    ['sentinel://h1:26379;h2:26379/0', 'sentinel://h1:26379;h2:26379/0'],
    ['sqlite:///srv/app/.ctq/ctq.db', 'sqlite:///srv/app/.ctq/ctq.db'],
    ['redis://[::1]:6379/0', 'redis://[::1]:6379/0'],
    ['redis://:secret@[::1]:6379/0', 'redis://:**@[::1]:6379/0'],
    ['memory://', 'memory://'],
    ['', ''],
  ])('writes %s as %s', (url, masked) => {
    expect(maskUrl(url)).toBe(masked);
  });

  it.each(['se/cret', 'se#cret', 'se?cret', 'se@cret', 'se:cret', 'se;cret', 'se cret', 'a;redis://x:cret'])(
    'shows nothing of the password %j, which should have been escaped',
    (password) => {
      const masked = maskUrl(`redis://user:${password}@host:6379/0`);
      expect(masked).not.toContain('cret');
      expect(masked).toContain('host:6379/0');
    },
  );

  it('shows nothing of any password', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 20 }), fc.constantFrom('', 'user'), (password, user) => {
        // The secret is found again by its marked middle; anything else in it may look like a URL.
        const masked = maskUrl(`redis://${user}:${password}S3CR3T@host/0`);
        expect(masked).not.toContain('S3CR3T');
      }),
    );
  });
});

describe('maskUrlsIn', () => {
  it('masks every URL in a text and leaves the text', () => {
    expect(maskUrlsIn("cannot connect to 'redis://:a@h1' or redis://u:b@h2/1, sorry: 10:30")).toBe(
      "cannot connect to 'redis://:**@h1' or redis://u:**@h2/1, sorry: 10:30",
    );
  });
});
