import { describe, expect, it } from 'vitest';
import { parseMemcachedUrl, serverIndex } from '../../../src/connections/memcached.js';
import { ConfigError } from '../../../src/errors.js';

describe('addresses of memcached', () => {
  it('are read with their ports, several of them too', () => {
    const read = (url: string): string[] => parseMemcachedUrl(url).map(({ host, port }) => `${host} ${port}`);
    expect(read('cache+memcached://')).toEqual(['127.0.0.1 11211']);
    expect(read('cache+memcached://a;b:11212;[::1]:7/')).toEqual(['a 11211', 'b 11212', '::1 7']);
    for (const url of ['cache+memcached://a,b/', 'cache+memcached://a:b/', 'cache+pylibmc://a;b/']) {
      expect(() => parseMemcachedUrl(url)).toThrow(ConfigError);
    }
  });

  it('have the keys that python-memcached looks for there', () => {
    // memcache.cmemcache_hash of these keys, in Python, modulo 2, 3 and 5.
    const keys = ['celery-task-meta-1', 'celery-task-meta-9c78b1a8-8db9-4363-ade0-0dc1034e5398', 'celery-task-meta-ü'];
    expect(keys.map((key) => [2, 3, 5].map((servers) => serverIndex(key, servers)))).toEqual([
      [0, 1, 0],
      [0, 1, 4],
      [1, 0, 2],
    ]);
  });
});
