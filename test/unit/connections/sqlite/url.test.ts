import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSqliteUrl } from '../../../../src/connections/sqlite/url.js';
import { ConfigError } from '../../../../src/errors.js';

describe('an SQLite URL', () => {
  test('alone is the file .ctq/ctq.db in the working directory', () => {
    for (const url of ['sqlite://', 'sqlite:///', 'SQLite://']) {
      expect(parseSqliteUrl(url)).toEqual({ path: join(process.cwd(), '.ctq', 'ctq.db'), sync: undefined });
    }
  });

  test('names an absolute file after three slashes, a relative one after two', () => {
    expect(parseSqliteUrl('sqlite:///var/lib/ctq.db').path).toBe('/var/lib/ctq.db');
    expect(parseSqliteUrl('sqlite://data/ctq.db').path).toBe(join(process.cwd(), 'data', 'ctq.db'));
    expect(parseSqliteUrl('sqlite://./ctq.db').path).toBe(join(process.cwd(), 'ctq.db'));
    expect(parseSqliteUrl('sqlite:///tmp/a%20b%3F/ü.db').path).toBe('/tmp/a b?/ü.db');
  });

  test('or the transport options say how durable it is; the URL has the last word', () => {
    expect(parseSqliteUrl('sqlite:///a.db?sync=normal', { sync: 'full' }).sync).toBe('normal');
    expect(parseSqliteUrl('sqlite:///a.db', { sync: 'normal' }).sync).toBe('normal');
  });

  test.each([
    ['sqlite:///a.db?synch=full', 'unknown parameter "synch"'],
    ['sqlite:///a.db?sync=off', 'sync is "off"'],
    ['sqlite:///var/lib/', 'names a folder'],
    ['sqlite://:memory:', 'no file that processes could share'],
    ['sqlite:///:memory:', 'no file that processes could share'],
    ['sqlite:///%zz.db', 'broken %-escape'],
    ['sqlite:///a%00b', 'NUL'],
    ['sqlite:a.db', 'no SQLite URL'],
  ])('%s is an error that says what is wrong', (url, what) => {
    expect(() => parseSqliteUrl(url)).toThrow(ConfigError);
    expect(() => parseSqliteUrl(url)).toThrow(what);
  });
});
