import { describe, expect, it } from 'vitest';
import { type Cell, tableText } from '../../../../src/cli/output/table.js';
import { textWidth } from '../../../../src/cli/output/width.js';
import { FakeStream } from '../../../cli/fake-context.js';

const headings = ['NAME', 'COUNT', 'SIZE', 'ABOUT'];
const rows: readonly (readonly Cell[])[] = [
  ['mail', 200_000, { shown: '1.5 KiB', plain: '1536' }, 'a queue that has a rather long description'],
  ['a-name-of-some-length', 7, '', 'short\u001b[31m'],
];

describe('a table', () => {
  it('separates thousands and lines figures up at the right, on a terminal', async () => {
    expect(await tableText(headings, rows, new FakeStream(true, 120))).toBe(
      [
        ' NAME                      COUNT      SIZE   ABOUT',
        ' mail                    200,000   1.5 KiB   a queue that has a rather long description',
        ' a-name-of-some-length         7             short\\x1b[31m',
        '',
      ].join('\n'),
    );
  });

  it('has plain figures, a tab between cells and no heading in a pipe', async () => {
    expect(await tableText(headings, rows, new FakeStream(false))).toBe(
      'mail\t200000\t1536\ta queue that has a rather long description\na-name-of-some-length\t7\t\tshort\\x1b[31m\n',
    );
  });

  it('cuts the columns that may give way, and no others, until it fits the screen', async () => {
    for (const width of [80, 60, 52]) {
      const text = await tableText(headings, rows, new FakeStream(true, width), { flexible: ['ABOUT', 'NAME'] });
      expect(text).toContain('200,000');
      expect(text).toContain('…');
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });

  it('takes a second line where cutting does not help, and keeps every id whole', async () => {
    const headings = ['NODE', 'ID', 'TASK', 'ARGS', 'KWARGS', 'STARTED', 'PID'];
    const id = '57cb3c6b-2ca6-471b-b17f-ba3d9a43a368';
    const row = ['celery@web1', id, 'tasks.resize', '["/srv/cat.png"]', '{}', '2026-11-21T23:12:00.000Z', '4711'];
    const print = (width: number): Promise<string> =>
      tableText(headings, [row, row], new FakeStream(true, width), { flexible: ['NODE', 'TASK', 'ARGS', 'KWARGS'] });
    const text = await print(80);
    const lines = text.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^ {3,}STARTED +PID$/);
    expect(lines.filter((line) => line.includes(id))).toHaveLength(2);
    expect(lines.filter((line) => line.includes('2026-11-21T23:12:00.000Z'))).toHaveLength(2);
    // What says nothing in any row is left out there.
    expect(text).not.toContain('KWARGS');
    expect((await print(140)).trimEnd().split('\n')).toHaveLength(3);
  });

  it('fits the screen whatever it holds', async () => {
    const long = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => letter.repeat(90));
    for (const width of [80, 100]) {
      const text = await tableText(['ONE', 'TWO', 'THREE', 'FOUR', 'FIVE', 'SIX'], [long], new FakeStream(true, width), {
        flexible: ['ONE'],
      });
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
      expect(text).toMatch(width === 80 ? /b{60,}…\n +c{60,}…\n/ : /b{90}\n +c{90}\n/);
    }
  });

  it('fits the screen with letters that are two columns wide', async () => {
    const wide = rows.map(([name, count, size]): readonly Cell[] => [name ?? '', count ?? '', size ?? '', '队列'.repeat(40)]);
    const text = await tableText(headings, wide, new FakeStream(true, 70), { flexible: ['ABOUT'] });
    expect(text).toContain('队…');
    expect(Math.max(...text.split('\n').map(textWidth))).toBeLessThanOrEqual(70);
  });
});
