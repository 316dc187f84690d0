import { describe, expect, it } from 'vitest';
import { foldLine } from '../../../../src/cli/output/wrap.js';

describe('a line of a traceback that is wider than the screen', () => {
  it('goes on below, further in than it began, and loses nothing', () => {
    const line = '  File "/usr/lib/python3/dist-packages/celery/app/trace.py", line 451, in trace_task';
    const lines = foldLine(line, 40);
    expect(lines).toHaveLength(3);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(lines.map((part, index) => (index === 0 ? part : part.slice(4))).join('')).toBe(line);
    expect(lines[1]).toMatch(/^ {4}\S/);
  });

  it('is left alone where it fits, be it empty', () => {
    expect([foldLine('ValueError: boom', 40), foldLine('', 40)]).toEqual([['ValueError: boom'], ['']]);
  });

  it('ends on the narrowest of screens', () => {
    expect(
      foldLine(`${' '.repeat(30)}abcdef`, 4)
        .join('')
        .replaceAll(' ', ''),
    ).toBe('abcdef');
  });
});
