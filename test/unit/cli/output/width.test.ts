import { describe, expect, it } from 'vitest';
import { cutText, fitText, fittingLength, textWidth } from '../../../../src/cli/output/width.js';
import { computingMs } from '../../../support/undisturbed.js';

describe('the width of a text', () => {
  it.each([
    ['', 0],
    ['plain', 5],
    ['Größe', 5],
    ['e\u0301te\u0301', 3],
    ['队列', 4],
    ['ｆｕｌｌ', 8],
    ['ﾊﾝｶｸ', 4],
    ['👍', 2],
    ['👩‍👩‍👧', 2],
    ['🇩🇪', 2],
    ['❤️', 2],
    ['a\u200bb', 2],
  ])('%s: %i', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it('is never more than asked for when it is cut', () => {
    for (const text of ['plain text', '队列队列队列', 'a👩‍👩‍👧b👩‍👩‍👧c', 'e\u0301'.repeat(20)]) {
      for (let width = 0; width < 14; width += 1) {
        expect(textWidth(cutText(text, width))).toBeLessThanOrEqual(width);
        expect(textWidth(fitText(text, width))).toBe(width);
        expect(textWidth(fitText(text, width, 'right'))).toBe(width);
      }
    }
    expect(cutText('plain text', 6)).toBe('plain…');
    expect(cutText('plain text', 10)).toBe('plain text');
    expect(cutText('队列队列', 6)).toBe('队列…');
  });

  it('tells how much of a text stands in one line, and never splits a character', () => {
    expect(fittingLength('plain text', 6)).toBe(6);
    expect(fittingLength('plain', 6)).toBe(5);
    expect(fittingLength('队列队列', 5)).toBe(2);
    expect(fittingLength('a👩‍👩‍👧b', 2)).toBe(1);
    expect(fittingLength('队', 1)).toBe(1);
  });

  it('of a very long text is found quickly', () => {
    const text = '队'.repeat(1_000_000);
    expect(computingMs(() => expect(cutText(text, 20)).toBe(`${'队'.repeat(9)}…`))).toBeLessThan(2_000);
  });
});
