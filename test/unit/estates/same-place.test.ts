import { describe, expect, it } from 'vitest';
import { isSamePlace } from '../../../src/estates/index.js';

const isSame = (a: string, b: string): boolean => isSamePlace(a, b, { transportOptions: { master_name: 'm' } });

describe('broker and result backend', () => {
  it.each([
    ['redis://localhost', 'redis://127.0.0.1:6379/0'],
    ['redis://:secret@host/1', 'redis://user:other@HOST:6379/1'],
    ['redis://host/2', 'redis://host?virtual_host=2'],
    ['redis+socket:///run/redis.sock', 'redis+socket:///run/redis.sock?virtual_host=0'],
    ['sentinel://a:1;sentinel://b:2/0', 'sentinel://b:2;sentinel://a:1'],
    ['sqlite:///tmp/a.db', 'sqlite:///tmp/x/../a.db?sync=normal'],
    ['rpc://', 'rpc://'],
    ['amqp://localhost', 'pyamqp://guest:guest@127.0.0.1:5672//'],
    ['amqp://a/v;amqp://b/v', 'amqp://a:5672/v;b:5672/v'],
  ])('%s and %s are one place', (a, b) => {
    expect(isSame(a, b)).toBe(true);
  });

  it.each([
    ['redis://host/0', 'redis://host/1'],
    ['redis://host', 'redis://host:6380'],
    ['redis://host', 'sqlite:///tmp/a.db'],
    ['amqp://host', 'rpc://'],
    ['amqp://host/one', 'amqp://host/two'],
    ['sqlite:///tmp/a.db', 'sqlite:///tmp/b.db'],
  ])('%s and %s are two', (a, b) => {
    expect(isSame(a, b)).toBe(false);
  });
});
