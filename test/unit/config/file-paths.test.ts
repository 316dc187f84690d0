import { describe, expect, it } from 'vitest';
import { expandPath } from '../../../src/config/file-paths.js';

const context = { nodename: 'w1@host.example.org', hostname: 'host.example.org', workdir: '/srv/app', pid: 4711 };

describe('expandPath', () => {
  it.each([
    ['log/%n.log', '/srv/app/log/w1.log'],
    ['/var/log/%h/%n%I.log', '/var/log/host.example.org/w1.log'],
    ['%p-%d-%i.pid', '/srv/app/w1@host.example.org-example.org-0.pid'],
    ['%P.pid', '/srv/app/4711.pid'],
    ['100%%.log', '/srv/app/100%.log'],
    ['../x.log', '/srv/x.log'],
  ])('makes %s %s', (pattern, path) => {
    expect(expandPath(pattern, '--logfile', context)).toBe(path);
  });

  it('numbers the files of pool processes', () => {
    expect(expandPath('%n%I-%i.log', '--logfile', { ...context, processIndex: 3 })).toBe('/srv/app/w1-3-3.log');
  });

  it.each(['%x.log', '%'])('refuses the expansion in %s', (pattern) => {
    expect(() => expandPath(pattern, '--logfile', context)).toThrow(/unknown expansion %/);
  });

  it.each(['', 'a\0b'])('refuses %j, which is no file name', (pattern) => {
    expect(() => expandPath(pattern, '--logfile', context)).toThrow('--logfile');
  });

  it.each(['../../etc/cron.d/x@h', 'a/b@h', 'a\\b@h', '..@h', 'w@..', 'w@a/b'])('lets no node name lead elsewhere: %s', (nodename) => {
    for (const pattern of ['run/%n', '%h.log', '%p', 'x/%d/y']) {
      expect(() => expandPath(pattern, '--logfile', { ...context, nodename })).toThrow(/may not be part of a file name/);
    }
    expect(expandPath('w.log', '--logfile', { ...context, nodename })).toBe('/srv/app/w.log');
  });
});
