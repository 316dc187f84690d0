import { describe, expect, it } from 'vitest';
import { type AmqpAddress, type AmqpUrlOptions, attentive, parseAmqpUrl } from '../../../../src/connections/amqp/url.js';
import { ConfigError } from '../../../../src/errors.js';

function parse(url: string, options: Partial<AmqpUrlOptions> = {}): AmqpAddress {
  const [address, ...others] = parseAmqpUrl(url, { transportOptions: {}, ...options });
  expect(others).toEqual([]);
  return address as AmqpAddress;
}

describe('parseAmqpUrl', () => {
  it.each([
    ['amqp://', { host: 'localhost', port: 5672, vhost: '/', username: 'guest', password: 'guest', tls: undefined }],
    ['pyamqp://guest@localhost//', { username: 'guest', password: 'guest', vhost: '/' }],
    ['librabbitmq://h', { host: 'h', port: 5672 }],
    ['amqp://h/', { vhost: '/' }],
    ['amqp://h/%2F', { vhost: '/' }],
    ['amqp://h/shop', { vhost: 'shop' }],
    ['amqp://h/a%2Fb', { vhost: 'a/b' }],
    ['amqp://me:p%40ss%2Fw@h:5673/v', { username: 'me', password: 'p@ss/w', host: 'h', port: 5673, vhost: 'v' }],
    ['amqp://me:p@ss:w#rd@h:7000', { username: 'me', password: 'p@ss:w#rd', host: 'h', port: 7000 }],
    ['amqp://[::1]:7000/v', { host: '::1', port: 7000 }],
    ['amqps://h', { port: 5671, tls: { verify: 'required' } }],
    ['amqp://h?ssl=true&ssl_cert_reqs=CERT_NONE', { port: 5671, tls: { verify: 'none' } }],
    ['amqp://h?heartbeat=10&login_method=amqplain', { heartbeatS: 10, loginMethod: 'AMQPLAIN' }],
  ])('reads %s', (url, expected) => {
    expect(parse(url)).toMatchObject(expected);
  });

  it('tries several in turn, and those behind the first may leave the scheme out', () => {
    const addresses = parseAmqpUrl('amqps://a:x@one/v; two:5673/v;', { transportOptions: {} });
    expect(addresses.map(({ host, port, tls }) => [host, port, tls !== undefined])).toEqual([
      ['one', 5671, true],
      ['two', 5673, true],
    ]);
  });

  it('takes heartbeat, login method and certificates from the settings', () => {
    const ssl = { ca_certs: '/ca.pem', certfile: '/c.pem', keyfile: '/k.pem', cert_reqs: 2, server_hostname: 'rabbit' };
    expect(parse('amqp://h', { heartbeatS: 120, loginMethod: 'EXTERNAL', ssl })).toMatchObject({
      heartbeatS: 60,
      loginMethod: 'EXTERNAL',
      tls: { verify: 'required', caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem', serverName: 'rabbit' },
    });
    expect(parse('amqp://h', { heartbeatS: null })).toMatchObject({ heartbeatS: 60 });
    expect(parse('amqp://h', { heartbeatS: 0 })).toMatchObject({ heartbeatS: 0 });
  });

  it('lets a server notice sooner that a program is gone which never computes, unless a setting has a heartbeat', () => {
    const beat = (url: string, heartbeatS?: number): number =>
      attentive(parse(url, heartbeatS === undefined ? {} : { heartbeatS })).heartbeatS;
    expect([beat('amqp://h'), beat('amqp://h', 120), beat('amqp://h', 30), beat('amqp://h?heartbeat=120'), beat('amqp://h', 0)]).toEqual([
      4, 4, 30, 120, 0,
    ]);
  });

  it('shows no password', () => {
    expect(parse('amqp://me:secret@h/v').displayUrl).toBe('amqp://me:**@h/v');
  });

  it('knows the same virtual host in two spellings', () => {
    expect(parse('amqp://u:p@localhost//').identity).toBe(parse('pyamqp://127.0.0.1:5672/').identity);
    expect(parse('amqp://h/a').identity).not.toBe(parse('amqp://h/b').identity);
  });

  it.each(['amqp://h:0', 'amqp://h:99999', 'amqp://h/%zz', 'amqp://h?heartbeat=soon', 'amqp://h?login_method=magic', ';', 'redis://h'])(
    'refuses %s, without its password',
    (url) => {
      const withPassword = url.replace('//', '//me:secret@');
      expect(() => parse(withPassword)).toThrow(ConfigError);
      expect(() => parse(withPassword)).not.toThrow(/secret/);
    },
  );

  it('reads certificates behind the ?, as kombu names them and as py-amqp does', () => {
    const tls = { caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem', checkHostname: false };
    const parameters = ['ca_certs=/ca.pem', 'certfile=/c.pem', 'keyfile=/k.pem', 'check_hostname=false'];
    expect(parse(`amqps://h?${parameters.join('&')}`)).toMatchObject({ tls });
    expect(parse(`amqps://h?${parameters.map((one) => `ssl_${one}`).join('&')}`)).toMatchObject({ tls });
  });

  it('refuses what it does not know behind the ?, and certificates without encryption', () => {
    expect(() => parse('amqps://me:secret@h?ca_cert=/ca.pem')).toThrow('amqps://me:**@h?ca_cert=/ca.pem has an unknown parameter ca_cert');
    expect(() => parse('amqp://h?ca_certs=/ca.pem')).toThrow('has ca_certs but is not encrypted');
  });

  it('refuses a word of TLS that it does not know', () => {
    expect(() => parse('amqps://h?ssl_cert_reqs=perhaps')).toThrow('cert_reqs cannot be perhaps');
  });
});
