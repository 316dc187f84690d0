import { describe, expect, it } from 'vitest';
import { foldedTraceback } from '../../../src/cli/traceback.js';

const frame = (file: string): string => `  File "${file}", line 7, in run`;
const own = frame('/srv/app/node_modules/ctq/dist/chunks/chunk-CM7TLHJY.js');
const theirs = frame('/srv/app/tasks.js');

describe('a traceback for people', () => {
  it('tells frames of ctq itself in one line, and every other as it is', () => {
    const text = ['Traceback (most recent call last):', own, own, own, theirs, frame('/srv/ctq/dist/mine.js'), 'RangeError: too far', ''];
    expect(foldedTraceback(text.join('\n')).split('\n')).toEqual([text[0], '  (3 frames of ctq itself)', ...text.slice(4)]);
  });

  it('leaves a single frame, and what a Python worker wrote', () => {
    for (const text of [`${theirs}\n${own}`, 'Traceback …\n  File "a.py", line 1, in f\n    raise ValueError\nValueError', ''])
      expect(foldedTraceback(text)).toBe(text);
  });
});
