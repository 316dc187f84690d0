/** Cases of Redis' own `stringmatchlen`; the interop suite compares with a server. */
import { describe, expect, it } from 'vitest';
import { globMatches } from '../../../src/estates/glob.js';
import { computingMs } from '../../support/undisturbed.js';

describe('a glob', () => {
  it.each([
    ['*', 'anything', true],
    ['', '', true],
    ['', 'a', false],
    ['celery-task-meta-*', 'celery-task-meta-1', true],
    ['*meta*', 'celery-task-meta-1', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[c-a]x', 'bx', true],
    ['[ab', 'b', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['*a*b*c', 'xaxbxc', true],
    ['*a*b*c', 'xaxbx', false],
    ['a', 'A', false],
  ] as const)('%j and %j: %s', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected);
  });

  it('with many stars does not keep anybody waiting', () => {
    const tookMs = computingMs(() => expect(globMatches('*a'.repeat(40), 'a'.repeat(20_000).concat('b'))).toBe(false));
    expect(tookMs).toBeLessThan(1_000);
  });
});
