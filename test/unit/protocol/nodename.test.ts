import { describe, expect, it } from 'vitest';
import { anonymousNodename, expandNodename, resolveNodename, splitNodename } from '../../../src/protocol/nodename.js';

const context = { hostname: 'vm.example.com', pid: 42 };

describe('resolveNodename', () => {
  it.each([
    [undefined, 'celery@vm.example.com'],
    ['', 'celery@vm.example.com'],
    ['foo', 'foo@vm.example.com'],
    ['foo@bar', 'foo@bar'],
    ['foo@', 'foo@vm.example.com'],
    ['@bar', 'celery@bar'],
    ['a@b@c', 'a@b@c'],
    ['w1@%h', 'w1@vm.example.com'],
    ['w1@%d', 'w1@example.com'],
    ['%n@%h', 'vm@vm.example.com'],
    ['w%i-%P', 'w0-42@vm.example.com'],
    ['w1%I@x', 'w1@x'],
    ['100%%@x', '100%@x'],
  ])('makes %j to %s', (option, name) => {
    expect(resolveNodename(option, context)).toBe(name);
  });

  it('refuses what a name cannot contain', () => {
    expect(() => resolveNodename('%p', context)).toThrow("unknown expansion %p in '%p@vm.example.com'");
    expect(() => resolveNodename('a%', context)).toThrow('unknown expansion %');
    expect(() => resolveNodename('%_', context)).toThrow(expect.objectContaining({ code: 'CTQ_CONFIG_INVALID' }));
  });
});

describe('expandNodename', () => {
  it('fills in the parts of a node name and the process', () => {
    const path = '/log/%n-%h-%d-%p-%i%I-%P-%%.log';
    expect(expandNodename(path, 'w1@vm.example.com', context)).toBe('/log/w1-vm.example.com-example.com-w1@vm.example.com-0-42-%.log');
    expect(expandNodename('%n%I.log', 'w1@vm', { ...context, processIndex: 3 })).toBe('w1-3.log');
    expect(expandNodename('%d|%i', 'w1@vm', { ...context, processIndex: 3 })).toBe('|3');
    expect(expandNodename('plain.log', 'w1@vm', context)).toBe('plain.log');
  });

  it('fills in once: what comes from a name is no expansion', () => {
    expect(expandNodename('%n', '%h@vm', context)).toBe('%h');
    expect(expandNodename('%%n', 'w1@vm', context)).toBe('%n');
  });

  it('refuses unknown letters and says which are known', () => {
    expect(() => expandNodename('%x.log', 'w1@vm', context)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('%n %h %d') }),
    );
    for (const bad of ['%', 'a%\n', '%constructor', '%__proto__'])
      expect(() => expandNodename(bad, 'w1@vm', context)).toThrow('unknown expansion');
  });
});

describe('splitNodename and anonymousNodename', () => {
  it('take a name apart at the first @', () => {
    expect(splitNodename('w1@a@b')).toEqual({ name: 'w1', host: 'a@b' });
    expect(splitNodename('host')).toEqual({ name: undefined, host: 'host' });
  });

  it('name a client by its pid', () => {
    expect(anonymousNodename(context)).toBe('gen42@vm.example.com');
  });
});
