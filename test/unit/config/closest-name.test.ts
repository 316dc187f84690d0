import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closestName, editDistance } from '../../../src/config/closest-name.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'abd', 1],
    ['abc', 'acb', 1],
    ['ca', 'ac', 1],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['broker', 'borker', 1],
  ])('between %j and %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is the same in both directions, and never more than the longer text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance === 0).toBe(a === b);
      }),
    );
  });
});

describe('closestName', () => {
  const names = ['brokerUrl', 'resultBackend', 'taskRoutes', 'include'];

  it.each([
    ['brokrUrl', 'brokerUrl'],
    ['borkerUrl', 'brokerUrl'],
    ['broker-url', 'brokerUrl'],
    ['BROKERURL', 'brokerUrl'],
    ['result_backed', 'resultBackend'],
    ['inclde', 'include'],
  ])('finds for %s what was meant: %s', (typed, meant) => {
    expect(closestName(typed, names)).toBe(meant);
  });

  it.each(['database', 'x', '', 'colour'])('finds nothing for %j, which is another word', (typed) => {
    expect(closestName(typed, names)).toBeUndefined();
  });
});
