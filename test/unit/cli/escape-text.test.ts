import { describe, expect, it } from 'vitest';
import { escapeBlock, escapeText } from '../../../src/cli/escape-text.js';

describe('escapeText', () => {
  it.each([
    ['a\nb', String.raw`a\nb`],
    ['a\r\tb', String.raw`a\r\tb`],
    ['\u001b[31mred', String.raw`\x1b[31mred`],
    ['\u009b2J', String.raw`\x9b2J`],
    ['\u0000\u007f', String.raw`\x00\x7f`],
    ['\u2028\u2029', String.raw`\u2028\u2029`],
    ['abc\u202edef\u2066', String.raw`abc\u202edef\u2066`],
    ['schön 日本 🙂', 'schön 日本 🙂'],
  ])('writes %j as %s', (text, safe) => {
    expect(escapeText(text)).toBe(safe);
  });
});

describe('escapeBlock', () => {
  it('keeps lines and tabs, and nothing else that moves the cursor', () => {
    expect(escapeBlock('a\n\tb\u001b[2J\r')).toBe('a\n\tb\\x1b[2J\\r');
  });
});
