import { describe, expect, it } from 'vitest';
import { checkRetryPolicy, checkSetting } from '../../../src/config/validate.js';
import { SETTING_KEYS } from '../../../src/config/setting-names.js';
import { SETTINGS, type SettingKey } from '../../../src/config/settings.js';
import { ConfigError } from '../../../src/errors.js';

function complaint(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return `${(error as ConfigError).message} (${(error as ConfigError).hint})`;
  }
  throw new Error('no complaint');
}

describe('a setting', () => {
  it.each(SETTING_KEYS)('%s has a default that it would take itself', (key) => {
    expect(checkSetting(key, SETTINGS[key].default, key)).toEqual(SETTINGS[key].default);
  });

  it.each<[SettingKey, unknown, unknown]>([
    ['brokerUrl', 'redis://localhost', 'redis://localhost'],
    ['brokerUrl', ['redis://a', 'redis://b'], 'redis://a;redis://b'],
    ['resultBackend', 'rpc', 'rpc://'],
    ['resultBackend', 'disabled://', 'disabled://'],
    ['imports', 'tasks', ['tasks']],
    ['imports', ['tasks', 'mail'], ['tasks', 'mail']],
    ['brokerTransportOptions', { visibilityTimeout: 60, global_keyprefix: 'x:' }, { visibility_timeout: 60, global_keyprefix: 'x:' }],
    ['brokerTransportOptions', { predefined_queues: {} }, { predefined_queues: {} }],
    ['brokerUseSsl', { caCerts: '/ca', ssl_version: 2 }, { ca_certs: '/ca', ssl_version: 2 }],
    ['redisBackendUseSsl', { ssl_cert_reqs: 'none' }, { ssl_cert_reqs: 'none' }],
    ['taskPublishRetryPolicy', { max_retries: 3, intervalStep: 0.5 }, { maxRetries: 3, intervalStep: 0.5 }],
    ['taskPublishRetryPolicy', { maxRetries: null }, { maxRetries: null }],
    ['resultExpires', null, null],
    ['timezone', 'Europe/Berlin', 'Europe/Berlin'],
    ['taskDefaultDeliveryMode', 'transient', 'transient'],
    ['workerConcurrency', 8, 8],
  ])('%s takes %j', (key, value, read) => {
    expect(checkSetting(key, value, key)).toEqual(read);
  });

  it.each<[SettingKey, unknown, string]>([
    ['workerConcurrency', 'many', 'f: k is "many" (it must be a whole number of at least 1, or null)'],
    ['workerConcurrency', '4', 'f: k is "4" (it must be a whole number of at least 1, or null; write 4 without quotes)'],
    ['workerConcurrency', 0, 'f: k is 0 (it must be a whole number of at least 1, or null)'],
    ['workerConcurrency', 1.5, 'f: k is 1.5 (it must be a whole number of at least 1, or null)'],
    ['resultExpires', -1, 'f: k is -1 (it must be a number of seconds, 0 or more, or null)'],
    ['resultExpires', Number.NaN, 'f: k is null (it must be a number of seconds, 0 or more, or null)'],
    ['taskAcksLate', 'true', 'f: k is "true" (it must be true or false; write true without quotes)'],
    ['taskAcksLate', null, 'f: k is null (it must be true or false)'],
    ['taskSerializer', 'pickle', 'f: k is "pickle" (it must be one of json, yaml, msgpack, auth)'],
    ['taskProtocol', 1, 'f: k is 1 (it must be one of 2)'],
    ['timezone', 'Mars/Base', 'f: k is "Mars/Base" (it must be the name of a time zone, such as "Europe/Berlin", or null)'],
    [
      'brokerUrl',
      'localhost:6379',
      'f: k is "localhost:6379" (it must be a URL such as redis://localhost:6379/0, or a list of them, or null)',
    ],
    ['brokerUrl', [], 'f: k is [] (it must be a URL such as redis://localhost:6379/0, or a list of them, or null)'],
    ['imports', [1], 'f: k is [1] (it must be a list of texts)'],
    ['brokerTransportOptions', [], 'f: k is [] (it must be an object)'],
    ['brokerTransportOptions', { visiblity_timeout: 1 }, 'f: k: unknown option "visiblity_timeout" (did you mean visibility_timeout?)'],
    ['brokerTransportOptions', { sep: 1, Sep: 2 }, 'f: k: unknown option "Sep" (did you mean sep?)'],
    ['brokerUseSsl', { cert_req: 0 }, 'f: k: unknown option "cert_req" (did you mean cert_reqs?)'],
    [
      'brokerUseSsl',
      { ssl_ca_data: '…' },
      'f: k: unknown option "ssl_ca_data" (it has cert_reqs, ca_certs, certfile, keyfile, check_hostname, server_hostname)',
    ],
    [
      'brokerUseSsl',
      'yes',
      'f: k is "yes" (it must be true, false or an object with cert_reqs, ca_certs, certfile, keyfile, check_hostname, server_hostname)',
    ],
    ['taskPublishRetryPolicy', { tries: 3 }, 'f: k: unknown key "tries" (it has max_retries, interval_start, interval_step, interval_max)'],
    ['taskPublishRetryPolicy', { maxRetries: '3' }, 'f: k.maxRetries is "3" (it must be a number of at least 0)'],
    ['taskDefaultQueue', '', 'f: k is "" (it must be a text)'],
  ])('%s refuses %j with place, value and remedy', (key, value, expected) => {
    expect(complaint(() => checkSetting(key, value, 'f: k'))).toBe(expected);
  });

  it('that is a password is not shown when it is wrong, nor the one in a wrong URL', () => {
    expect(complaint(() => checkSetting('redisPassword', 12345, 'f: k'))).not.toContain('12345');
    expect(complaint(() => checkSetting('brokerUrl', '//:hunter2@host', 'f: k'))).not.toContain('hunter2');
  });

  it('with a value too long for a line is cut', () => {
    expect(complaint(() => checkSetting('taskAcksLate', 'x'.repeat(500), 'f: k')).length).toBeLessThan(160);
  });

  it('with a value that contains itself is refused like any other', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(complaint(() => checkSetting('taskAcksLate', cycle, 'f: k'))).toBe('f: k is a list (it must be true or false)');
  });

  it('cannot smuggle in a prototype', () => {
    const options = checkSetting('brokerTransportOptions', JSON.parse('{"__proto__": {"sep": "x"}}'), 'f: k') as object;
    expect(Object.getPrototypeOf(options)).toBe(Object.prototype);
  });
});

describe('checkRetryPolicy', () => {
  it.each([null, 'x', [1]])('refuses %j', (value) => {
    expect(complaint(() => checkRetryPolicy(value, '--retry-policy'))).toContain('it must be an object');
  });
});
