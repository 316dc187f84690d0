import { describe, expect, it } from 'vitest';
import { isAddressed, matchesGlob } from '../../../src/remote-control/matcher.js';
import { computingMs, undisturbed } from '../../support/undisturbed.js';

/** A search has a tenth of a second of a real clock, and a machine may be away for as long. */
const SHORT_MS = 90;

const to = (pattern: string, matcher: string) => ({ destination: null, pattern, matcher });

describe('a request is meant for', () => {
  it('everybody without destination and pattern', () => {
    expect(isAddressed({ destination: null, pattern: null, matcher: null }, 'w1@host')).toBe(true);
    expect(isAddressed({ destination: null, pattern: 'x*', matcher: null }, 'w1@host')).toBe(true);
  });

  it('the nodes that it names, whatever the pattern says', () => {
    expect(isAddressed({ destination: ['w1@host'], pattern: 'x', matcher: 'glob' }, 'w1@host')).toBe(true);
    expect(isAddressed({ destination: ['w2@host'], pattern: '*', matcher: 'glob' }, 'w1@host')).toBe(false);
    expect(isAddressed({ destination: [], pattern: null, matcher: null }, 'w1@host')).toBe(false);
  });

  it.each([
    ['worker[0-9]@.*', true],
    ['worker', true],
    ['orker', false],
    ['(?P<name>worker)\\d@host\\Z', true],
    ['(?i)WORKER1', true],
    ['b|worker1', true],
  ])('nodes that begin as the expression %s says: %s', async (pattern, expected) => {
    await undisturbed(SHORT_MS, async () => expect(isAddressed(to(pattern, 'pcre'), 'worker1@host')).toBe(expected));
  });

  it('nobody when the matcher is unknown, the expression wrong or the pattern endless', () => {
    expect(() => isAddressed(to('x', 'sql'), 'w1@host')).toThrow('No matcher installed for sql');
    expect(() => isAddressed(to('(', 'pcre'), 'w1@host')).toThrow(SyntaxError);
    expect(() => isAddressed(to('*'.repeat(1000), 'glob'), 'w1@host')).toThrow('at most 255');
  });

  it('nobody, and soon, when an expression backtracks for ever', () => {
    const tookMs = computingMs(() =>
      expect(() => isAddressed(to('^(a+)+$', 'pcre'), `${'a'.repeat(60)}!`)).toThrow(
        expect.objectContaining({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }),
      ),
    );
    expect(tookMs).toBeLessThan(2_000);
  });
});

describe('a glob', () => {
  it.each([
    ['worker*', 'worker1@host', true],
    ['*@host', 'worker1@host', true],
    ['*', '', true],
    ['w?rker1@host', 'worker1@host', true],
    ['worker[12]@*', 'worker1@host', true],
    ['worker[!12]@*', 'worker1@host', false],
    ['worker[0-9]@host', 'worker7@host', true],
    ['worker', 'worker1@host', false],
    ['[]]x', ']x', true],
    ['[!]]x', 'ax', true],
    ['[x', '[x', true],
    ['a*b*c', 'axxbxxbxxc', true],
    ['a*b*c', 'axxbxxbxx', false],
    ['w.rker1*', 'worker1@host', false],
  ])('%s on %s: %s', (pattern, text, expected) => {
    expect(matchesGlob(text, pattern)).toBe(expected);
  });

  it('costs next to nothing, however many stars it has', () => {
    expect(computingMs(() => expect(matchesGlob('a'.repeat(255), `${'*a'.repeat(120)}b`)).toBe(false))).toBeLessThan(2_000);
  });
});
