import { describe, expect, it } from 'vitest';
import { parseRedisUrl, type RedisAddress } from '../../../../src/connections/redis/url.js';
import { ConfigError } from '../../../../src/errors.js';

function parse(
  url: string,
  transportOptions: Readonly<Record<string, unknown>> = {},
  ssl?: boolean | Readonly<Record<string, unknown>>,
): RedisAddress {
  const [address, ...others] = parseRedisUrl(url, { transportOptions, ...(ssl === undefined ? {} : { ssl }) });
  expect(others).toEqual([]);
  return address as RedisAddress;
}

describe('parseRedisUrl', () => {
  it.each([
    ['redis://', { endpoint: { kind: 'tcp', host: '127.0.0.1', port: 6379 }, db: 0 }],
    ['redis://localhost', { endpoint: { kind: 'tcp', host: 'localhost', port: 6379 }, db: 0 }],
    ['redis://h:7000/', { endpoint: { kind: 'tcp', host: 'h', port: 7000 }, db: 0 }],
    ['redis://h//', { db: 0 }],
    ['redis://h/15', { db: 15 }],
    ['redis://h?virtual_host=3', { db: 3 }],
    ['redis://:secret@h/1', { username: undefined, password: 'secret', db: 1 }],
    ['redis://me:p%40ss%2Fw@h', { username: 'me', password: 'p@ss/w' }],
    ['redis://me:p@ss:w#rd@h:7000', { username: 'me', password: 'p@ss:w#rd', endpoint: { kind: 'tcp', host: 'h', port: 7000 } }],
    ['redis://[::1]:7000/2', { endpoint: { kind: 'tcp', host: '::1', port: 7000 }, db: 2 }],
    ['socket:///run/redis.sock?virtual_host=2', { endpoint: { kind: 'socket', path: '/run/redis.sock' }, db: 2 }],
    ['redis+socket:///run/redis.sock', { endpoint: { kind: 'socket', path: '/run/redis.sock' }, db: 0 }],
    ['redis+socket://u:p@/run/redis.sock?virtual_host=4', { endpoint: { kind: 'socket', path: '/run/redis.sock' }, db: 4, password: 'p' }],
    ['redis://h?socket_timeout=5&health_check_interval=30', { db: 0 }],
  ])('reads %s', (url, expected) => {
    expect(parse(url)).toMatchObject(expected);
  });

  it('encrypts rediss:// and checks the certificate unless told otherwise', () => {
    expect(parse('rediss://h').tls).toMatchObject({ verify: 'required', checkHostname: true });
    expect(parse('rediss://h?ssl_cert_reqs=CERT_NONE').tls).toMatchObject({ verify: 'none' });
    expect(
      parse('rediss://h?ssl_cert_reqs=optional&ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem&ssl_check_hostname=false').tls,
    ).toEqual({
      verify: 'optional',
      checkHostname: false,
      caFile: '/ca.pem',
      certFile: '/c.pem',
      keyFile: '/k.pem',
    });
  });

  it.each([
    ['required', 'required'],
    ['CERT_REQUIRED', 'required'],
    ['optional', 'optional'],
    ['CERT_OPTIONAL', 'optional'],
    ['none', 'none'],
    ['CERT_NONE', 'none'],
  ])('reads ssl_cert_reqs=%s as Celery does', (word, verify) => {
    expect(parse(`rediss://h?ssl_cert_reqs=${word}`).tls).toMatchObject({ verify });
    expect(parse('redis://h', {}, { ssl_cert_reqs: word }).tls).toMatchObject({ verify });
  });

  it('encrypts the way to the sentinels themselves when sentinel_kwargs say so', () => {
    const options = { master_name: 'm', sentinel_kwargs: { ssl: true, ssl_ca_certs: '/ca.pem', ssl_check_hostname: false } };
    expect(parse('sentinel://h', options)).toMatchObject({
      endpoint: { tls: { verify: 'required', checkHostname: false, caFile: '/ca.pem' } },
      tls: undefined,
    });
    expect(parse('sentinel://h', { master_name: 'm' }).endpoint).toMatchObject({ tls: undefined });
  });

  it('encrypts redis:// when broker_use_ssl says so', () => {
    expect(parse('redis://h', {}, { ssl_cert_reqs: 0, ssl_ca_certs: '/ca.pem' }).tls).toMatchObject({ verify: 'none', caFile: '/ca.pem' });
    expect(parse('redis://h', {}, true).tls).toMatchObject({ verify: 'required' });
    expect(parse('redis://h', {}, false).tls).toBeUndefined();
  });

  it('finds a master through sentinels, with database and password from any of the nodes', () => {
    const url = 'sentinel://:pw@h1:26379;sentinel://h2;sentinel://h3:26380/2';
    expect(parse(url, { master_name: 'mymaster', sentinel_kwargs: { password: 'spw' } })).toMatchObject({
      endpoint: {
        kind: 'sentinel',
        masterName: 'mymaster',
        password: 'spw',
        nodes: [
          { host: 'h1', port: 26379 },
          { host: 'h2', port: 26379 },
          { host: 'h3', port: 26380 },
        ],
      },
      db: 2,
      password: 'pw',
    });
  });

  it('reads nodes without a scheme of their own', () => {
    expect(parse('sentinel://h1;h2:7000;h3/2', { master_name: 'm' })).toMatchObject({
      endpoint: {
        nodes: [
          { host: 'h1', port: 26379 },
          { host: 'h2', port: 7000 },
          { host: 'h3', port: 26379 },
        ],
      },
      db: 2,
    });
  });

  it('reads several URLs to be tried in turn', () => {
    const addresses = parseRedisUrl('redis://a/1;redis://b:7000/1', { transportOptions: {} });
    expect(addresses.map(({ endpoint, db }) => [endpoint, db])).toEqual([
      [{ kind: 'tcp', host: 'a', port: 6379 }, 1],
      [{ kind: 'tcp', host: 'b', port: 7000 }, 1],
    ]);
  });

  it.each([
    ['redis://h/abc', /names the database "abc", and Redis has numbers for them/],
    ['redis://h:99999', /no valid port/],
    ['redis://h:port', /is no Redis URL/],
    ['redis://h/0?visibility_timeout=5', /unknown parameter visibility_timeout/],
    ['redis://h?ssl_cert_reqs=none', /not encrypted/],
    ['rediss://h?ssl_cert_reqs=perhaps', /ssl_cert_reqs cannot be perhaps/],
    ['redis://u:%zz@h', /stray %/],
    ['redis+socket://', /names no socket file/],
    ['redis://:se/geheim@h/0', /^redis:\/\/:\*\*@h\/0 has a \/ in its user name or password/],
    ['sentinel://h1', /does not say which master/],
    ['', /is empty/],
  ])('refuses %s with a clear word, and without the password', (url, message) => {
    expect(() => parse(url.replace('redis://h', 'redis://u:geheim@h'))).toThrow(ConfigError);
    expect(() => parse(url)).toThrow(message);
    try {
      parse(url.replace('://h', '://u:geheim@h'));
    } catch (error) {
      expect(String(error)).not.toContain('geheim');
    }
  });

  it('tells whether two URLs mean the same database', () => {
    const same = (a: string, b: string): boolean => parse(a).identity === parse(b).identity;
    expect(same('redis://localhost', 'redis://:pw@127.0.0.1:6379/0')).toBe(true);
    expect(same('redis://h/1', 'redis://H/1')).toBe(true);
    expect(same('redis://h/1', 'redis://h/2')).toBe(false);
    expect(same('redis://h', 'redis://h:7000')).toBe(false);
    expect(same('redis+socket:///a.sock?virtual_host=1', 'redis+socket:///a.sock')).toBe(false);
  });
});
