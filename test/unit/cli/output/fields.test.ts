import { describe, expect, it } from 'vitest';
import { fieldsText } from '../../../../src/cli/output/fields.js';
import { textWidth } from '../../../../src/cli/output/width.js';
import { FakeStream } from '../../../cli/fake-context.js';

describe('fields', () => {
  it('stand below each other, and go on below themselves at a space', () => {
    expect(
      fieldsText(
        [
          ['id', 'abc'],
          ['where', 'queued in mail behind a thousand others'],
        ],
        new FakeStream(true, 36),
      ),
    ).toBe(['id     abc', 'where  queued in mail behind a', '       thousand others', ''].join('\n'));
  });

  it('fit the screen with letters that are two columns wide, in names and values', () => {
    const text = fieldsText(
      [
        ['名前', '队列'.repeat(100)],
        ['id', 'abc'],
      ],
      new FakeStream(true, 40),
    );
    expect(Math.max(...text.split('\n').map(textWidth))).toBeLessThanOrEqual(40);
    expect(text.split('\n')).toHaveLength(6);
    expect(text).toContain('…');
    expect(text).toMatch(/^id    abc$/m);
  });

  it('are whole and in one line each in a pipe', () => {
    expect(fieldsText([['名前', '队列'.repeat(100)]], new FakeStream(false))).toBe(`名前  ${'队列'.repeat(100)}\n`);
  });
});
